package aliyun

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

const (
	// DefaultEndpoint serves every region.
	DefaultEndpoint = "https://dyplsapi.aliyuncs.com"
	// DefaultTimeout is for a whole call, from credentials to the last byte of the answer.
	DefaultTimeout = 10 * time.Second
	// DefaultMaxConns is how many connections a client opens at most.
	DefaultMaxConns = 64
)

// Config says how to reach the API. The zero value is ready for production.
type Config struct {
	// Endpoint is a scheme and a host, with a port where it is not the scheme's own; "" for
	// [DefaultEndpoint]. Blanks around it do not count. Plain http:// is for a loopback address, or
	// with Insecure.
	Endpoint string
	// Credentials sign the requests; nil for [DefaultCredentials].
	Credentials Credentials
	// Proxy is the HTTP proxy through which an https:// endpoint is reached, by CONNECT:
	// http://[user:password@]host:port; "" for none. It learns the endpoint's host and port, and
	// nothing of the calls. A plain endpoint is reached without.
	Proxy string
	// Timeout ends a call, whatever it is waiting for; 0 for [DefaultTimeout].
	Timeout time.Duration
	// MaxConns bounds the connections, busy and idle together; 0 for [DefaultMaxConns]. As many calls
	// as there are connections run at once: more wait for one, and are not sent if none comes free in
	// time.
	MaxConns int
	// Insecure lets telephone numbers and signatures travel over plain http:// to another machine.
	Insecure bool

	// Tests replace these.
	clock *clock
	nonce func() string
	roots *x509.CertPool
	// tlsTime is by which certificates expire.
	tlsTime func() time.Time
}

// Format implements [fmt.Formatter]: no verb prints the credentials, or what a mistyped endpoint
// may hold.
func (c Config) Format(s fmt.State, _ rune) {
	endpoint, _ := c.endpoint()
	_, _ = fmt.Fprintf(
		s,
		"aliyun.Config{Endpoint:%q Timeout:%v MaxConns:%d Insecure:%t}",
		hostOf(endpoint),
		cmp.Or(c.Timeout, DefaultTimeout),
		cmp.Or(c.MaxConns, DefaultMaxConns),
		c.Insecure,
	)
}

func hostOf(endpoint *url.URL) string {
	if endpoint == nil {
		return ""
	}
	return endpoint.Scheme + "://" + endpoint.Host
}

// check returns everything that is wrong with the configuration.
func (c Config) check() []dypls.Problem {
	_, problems := c.endpoint()
	_, wrong := c.proxy()
	problems = append(problems, wrong...)
	if c.Timeout < 0 {
		problems = append(
			problems,
			dypls.Problem{
				Field:  "Timeout",
				Rule:   "must be positive",
				Remedy: "set it to 10s, or leave it out",
			},
		)
	}
	if c.MaxConns < 0 {
		problems = append(
			problems,
			dypls.Problem{
				Field:  "MaxConns",
				Rule:   "must be positive",
				Remedy: "set it to the number of calls at once, or leave it out",
			},
		)
	}
	if static, ok := c.Credentials.(*staticCredentials); ok {
		if rule := static.credential().defect(); rule != "" {
			problems = append(
				problems,
				dypls.Problem{
					Field:  "Credentials",
					Rule:   rule,
					Remedy: "give the access key's ID and secret as they were issued",
				},
			)
		}
	}
	return problems
}

// endpoint returns nil and the reasons when it cannot be used. They do not repeat it: it may hold a
// password.
func (c Config) endpoint() (*url.URL, []dypls.Problem) {
	const remedy = "write it as " + DefaultEndpoint
	problem := func(rule, remedy string) (*url.URL, []dypls.Problem) {
		return nil, []dypls.Problem{{Field: "Endpoint", Rule: rule, Remedy: remedy}}
	}
	endpoint, err := url.Parse(
		cmp.Or(strings.TrimSpace(c.Endpoint), DefaultEndpoint),
	) // a blank around it came with the file it was read from
	if err != nil {
		return problem("must be a URL", remedy)
	}
	switch {
	case endpoint.Scheme != "https" && endpoint.Scheme != "http":
		return problem("must begin with https://", remedy)
	case endpoint.User != nil:
		return problem("must not hold a user or password", "credentials have a field of their own")
	case !plainHost(endpoint):
		return problem("must name a host", remedy)
	case strings.Trim(endpoint.Path, "/") != "" || endpoint.RawQuery != "" || endpoint.ForceQuery || endpoint.Fragment != "":
		return problem("must end after the host and port", remedy)
	case endpoint.Scheme == "http" && !c.Insecure && !setting.IsLoopback(endpoint.Hostname()):
		return problem(
			"must be https:// for another machine, because telephone numbers travel in the URL",
			"use https://, or allow plain text with Insecure",
		)
	}
	return &url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host, Path: "/"}, nil
}

// proxy returns nil where there is none, or it cannot be used, with the reasons. They do not repeat
// it: it may hold a password.
func (c Config) proxy() (*url.URL, []dypls.Problem) {
	const remedy = "write it as http://host:port, or http://user:password@host:port with special characters percent-encoded"
	text := strings.TrimSpace(c.Proxy)
	if text == "" {
		return nil, nil
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text // as curl and others take it
	}
	proxy, err := url.Parse(text)
	switch {
	case err != nil || !plainHost(proxy) || strings.Trim(proxy.Path, "/") != "" ||
		proxy.RawQuery != "" || proxy.Fragment != "":
		return nil, []dypls.Problem{
			{Field: "Proxy", Rule: "must be the URL of an HTTP proxy", Remedy: remedy},
		}
	case proxy.Scheme != "http":
		return nil, []dypls.Problem{
			{
				Field:  "Proxy",
				Rule:   "must be an HTTP proxy, which passes on what is encrypted for the API",
				Remedy: remedy,
			},
		}
	case proxy.Port() == "":
		proxy.Host = net.JoinHostPort(proxy.Hostname(), "80")
	}
	return proxy, nil
}

// plainHost tells whether net/http will send the host byte for byte as it is: the host is signed.
func plainHost(u *url.URL) bool {
	if u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || strings.Contains(u.Host, "%") {
		return false
	}
	return !strings.ContainsFunc(u.Host, func(r rune) bool { return r <= ' ' || r > '~' })
}
