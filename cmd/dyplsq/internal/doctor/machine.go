package doctor

import (
	"context"
	"fmt"
	"maps"
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

func lookedUp(
	ctx context.Context,
	of string,
	credentials func(context.Context) (string, error),
) Finding {
	source, err := credentials(ctx)
	if err != nil {
		return found(
			"",
			"%s%s",
			of,
			err,
		).but(Warning, "a worker on this machine needs them; what only enqueues needs none")
	}
	return found("", "%sfound, from %s", of, source)
}

// Reached is what an endpoint told by answering at all.
type Reached struct {
	Via   string    // the proxy's host, "" without one
	Clock time.Time // by the answer's Date, zero where it has none
}

// endpoint has the API answer a request that names no action.
func (e *examination) endpoint(ctx context.Context) ([]Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, machineTimeout)
	defer cancel()
	endpoint, err := url.Parse(e.Endpoint)
	if err != nil ||
		endpoint.Hostname() == "" { // the error would repeat it, and it may hold a password
		return []Finding{found("", "it is no URL").but(Warning, "mend DYPLSQ_ENDPOINT")}, nil
	}
	started := time.Now()
	reached, err := e.Reach(ctx)
	through := ""
	if reached.Via != "" {
		through = ", through the proxy " + reached.Via
	}
	if err != nil {
		return []Finding{
			found("", "%s cannot be reached%s: %v", endpoint.Host, through, err).
				but(Warning, "a worker on this machine has to reach it: open the way, or mend DYPLSQ_ENDPOINT, HTTPS_PROXY and NO_PROXY"),
		}, nil
	}
	e.reached, e.reachedAt = reached, e.Now()
	secured := ", its certificate is valid"
	if endpoint.Scheme == "http" {
		secured = ", without TLS"
	}
	took := time.Since(started).Round(time.Millisecond)
	return []Finding{
		found(
			"",
			"%s answers within %s%s%s; no action was called",
			endpoint.Host,
			took,
			secured,
			through,
		),
	}, nil
}

// apiClock compares this machine's clock with the API's, which refuses time stamps of long ago. An
// answer's Date has whole seconds.
func (e *examination) apiClock(context.Context) ([]Finding, error) {
	const told, refused = time.Minute, 15 * time.Minute
	if e.reached.Clock.IsZero() {
		return nil, nil
	}
	ahead := e.reachedAt.Sub(e.reached.Clock).Truncate(time.Second)
	word := "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	f := found("", "this machine is %s %s the API (give or take a second or two)", ahead.Abs(), word)
	switch {
	case ahead.Abs() >= refused:
		f.Found += ": it refuses every call (InvalidTimeStamp), and tasks are held until their time is over"
	case ahead.Abs() >= told:
		f.Found += fmt.Sprintf(
			"; from %.0f minutes on it refuses calls (InvalidTimeStamp)",
			refused.Minutes(),
		)
	default:
		return []Finding{f}, nil
	}
	return []Finding{f.but(Warning, "synchronise this machine's clock (chronyc tracking)")}, nil
}

// settings: timeouts must nest, or calls are cut or made twice.
func (e *examination) settings(context.Context) ([]Finding, error) {
	if e.Settings == nil {
		return []Finding{found("", "timeouts nest: HTTP below claim, delivery and shutdown")}, nil
	}
	return []Finding{
		found("", "a worker refuses to start: %s", strings.ReplaceAll(e.Settings.Error(), "\n", "; ")).
			but(Warning, "mend the settings that it names"),
	}, nil
}
