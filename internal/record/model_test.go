package record_test

import "github.com/seed-5c07c2e9/dyplsq/internal/record"

// model says in plain Go what the scripts must do to one record. Fences count from 1 here.
type model struct {
	state                     record.State
	run                       string
	lapsed                    bool
	fence, answered           int
	attempts, calls, crashes  int
	subsID                    string
	surplus                   map[int]string
	repeatable                bool
	maxAttempts, mostCrashing int
}

func (m *model) begin(run string) (record.BeginVerdict, int) {
	switch {
	case m.state == "":
		return record.Unknown, 0
	case m.state.Told(), m.state != record.Calling && m.run == run:
		return record.Finished, 0
	case m.state == record.Calling && m.run == run:
		m.lapsed = false
		return record.Go, m.fence
	case m.state == record.Calling && !m.lapsed:
		return record.Busy, 0
	case m.state == record.Calling:
		m.crashes++
		if !m.repeatable || m.crashes >= m.mostCrashing || m.attempts >= m.maxAttempts {
			m.state, m.run = record.Uncertain, ""
			if m.repeatable {
				m.state = record.Failed
			}
			return record.Settled, 0
		}
	}
	m.fence, m.attempts, m.calls = m.fence+1, m.attempts+1, m.calls+1
	m.state, m.run, m.lapsed = record.Calling, run, false
	return record.Go, m.fence
}

func (m *model) finish(fence int, e record.Ending) record.FinishVerdict {
	final := m.state == record.Succeeded || m.state == record.Failed
	switch ok := e.State == record.Succeeded; {
	case m.state == "":
		return record.Gone
	case ok && m.state == record.Succeeded && m.subsID == e.SubsID:
		return record.Again
	case ok && final:
		m.surplus[fence] = e.SubsID
		return record.Surplus
	case ok:
		m.state, m.run, m.subsID, m.answered = record.Succeeded, "", e.SubsID, fence
		return record.Done
	case m.answered == fence:
		return record.Again
	case m.state != record.Calling || m.fence != fence:
		return record.Stale
	}
	m.attempts -= 1 - bit(e.Counts)
	m.calls -= 1 - bit(e.Sent)
	m.state, m.answered = e.State, fence
	return record.Done
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
