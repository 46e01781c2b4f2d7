package doctor

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// machineTimeout bounds each check that asks something other than Redis.
const machineTimeout = 10 * time.Second

// credentials looks them up, as a worker would. What they are is not shown.
func (e *examination) credentials(ctx context.Context) ([]Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, machineTimeout)
	defer cancel()
	findings := make([]Finding, 0, 1+len(e.Accounts))
	findings = append(findings, lookedUp(ctx, "", e.Credentials))
	for _, name := range slices.Sorted(maps.Keys(e.Accounts)) {
		findings = append(findings, lookedUp(ctx, "account "+name+": ", e.Accounts[name]))
	}
	return findings, nil
}

func lookedUp(ctx context.Context, of string, credentials func(context.Context) (string, error)) Finding {
	source, err := credentials(ctx)
	if err != nil {
		return found("", "%s%s", of, err).but(Warning, "a worker on this machine needs them; what only enqueues needs none")
	}
	return found("", "%sfound, from %s", of, source)
}

// endpoint connects to the API, and asks it nothing.
func (e *examination) endpoint(ctx context.Context) ([]Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, machineTimeout)
	defer cancel()
	endpoint, err := url.Parse(e.Endpoint)
	if err != nil || endpoint.Hostname() == "" { // the error would repeat it, and it may hold a password
		return []Finding{found("", "it is no URL").but(Warning, "mend DYPLSQ_ENDPOINT")}, nil
	}
	port := endpoint.Port()
	dial := (&tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext
	secured := ", its certificate is valid"
	if endpoint.Scheme == "http" {
		dial, secured = (&net.Dialer{}).DialContext, ", without TLS"
	}
	if port == "" {
		port = endpoint.Scheme
	}
	started := time.Now()
	conn, err := dial(ctx, "tcp", net.JoinHostPort(endpoint.Hostname(), port))
	if err != nil {
		return []Finding{found("", "%s cannot be reached: %v", endpoint.Host, err).
			but(Warning, "a worker on this machine has to reach it directly, without a proxy: open the way, or mend DYPLSQ_ENDPOINT")}, nil
	}
	_ = conn.Close()
	return []Finding{found("", "%s answers within %s%s; nothing was asked", endpoint.Host, time.Since(started).Round(time.Millisecond), secured)}, nil
}

// settings: timeouts must nest, or calls are cut or made twice.
func (e *examination) settings(context.Context) ([]Finding, error) {
	if e.Settings == nil {
		return []Finding{found("", "timeouts nest: HTTP below claim, delivery and shutdown")}, nil
	}
	return []Finding{found("", "a worker refuses to start: %s", strings.ReplaceAll(e.Settings.Error(), "\n", "; ")).
		but(Warning, "mend the settings that it names")}, nil
}
