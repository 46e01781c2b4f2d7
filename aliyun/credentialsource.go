package aliyun

import "context"

// sourceNames are the chain's providers in words for people.
var sourceNames = map[string]string{
	sourceEnv:     "the environment",
	sourceOIDC:    "OIDC",
	sourceCLI:     "a profile of the command line tool",
	sourceProfile: "a credentials file",
	sourceECS:     "the machine's RAM role",
	sourceURI:     "a URI",
}

// CredentialSource looks the credentials up, as [Client.CheckCredentials] does, and says in a few
// words where they came from. It holds nothing of them.
func (c *Client) CredentialSource(ctx context.Context) (string, error) {
	if err := c.CheckCredentials(ctx); err != nil {
		return "", err
	}
	if profile, ok := c.credentials.(*profileCredentials); ok {
		return "the profile " + profile.name + " of a credentials file", nil
	}
	chain, ok := c.credentials.(*defaultCredentials)
	if !ok {
		return "the program's configuration", nil
	}
	return chain.sourceName(ctx)
}

// sourceName waits for a lookup under way, which alone may use the source.
func (d *defaultCredentials) sourceName(ctx context.Context) (string, error) {
	for {
		d.mu.Lock()
		flight, source := d.flight, ""
		if flight == nil {
			source = d.source
		}
		d.mu.Unlock()
		if flight == nil {
			if name, known := sourceNames[source]; known {
				return name, nil
			}
			return "Alibaba's default chain", nil
		}
		select {
		case <-flight.done:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}
