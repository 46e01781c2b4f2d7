package doctor

import "context"

// recordings looks at the store of recordings, and writes nothing there.
func (e *examination) recordings(ctx context.Context) ([]Finding, error) {
	if e.Recordings == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, machineTimeout)
	defer cancel()
	where, err := e.Recordings(ctx)
	if err != nil {
		return []Finding{
			found("", "the archive cannot be used from this machine: %v", err).
				but(Warning, "mend it before the API forgets the recordings, 30 days after their calls"),
		}, nil
	}
	return []Finding{found("", "the archive %s answers; nothing was written", where)}, nil
}
