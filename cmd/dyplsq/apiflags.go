package main

import (
	"cmp"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
)

// apiFlags say how the API is reached. Credentials come from Alibaba's own chain, never from a
// flag.
type apiFlags struct {
	wireFlags

	Endpoint string `env:"DYPLSQ_ENDPOINT" help:"Of the API; plain http:// only to a loopback address (${default})." default:"https://dyplsapi.aliyuncs.com" placeholder:"URL"`
}

// wireFlags say how calls travel, to whichever endpoint.
type wireFlags struct {
	Insecure    bool          `env:"DYPLSQ_INSECURE" help:"Let numbers and signatures travel over plain http:// to another machine."`
	HTTPTimeout time.Duration `env:"DYPLSQ_HTTP_TIMEOUT" help:"Of one call (${default})." default:"10s" name:"http-timeout" placeholder:"DURATION"`
}

// client has the credentials of the default chain where it is given none.
func (f apiFlags) client(concurrency int, credentials aliyun.Credentials) (*aliyun.Client, error) {
	return f.clientOf(f.Endpoint, concurrency, credentials)
}

func (f wireFlags) clientOf(
	endpoint string,
	concurrency int,
	credentials aliyun.Credentials,
) (*aliyun.Client, error) {
	if printsSecrets(os.Getenv("DEBUG")) {
		return nil, usage("DEBUG makes Alibaba's libraries print credentials and requests: unset it")
	}
	reachMetadataDirectly()
	client, err := aliyun.New(aliyun.Config{
		Proxy:       proxyFor(endpoint),
		Endpoint:    endpoint,
		Insecure:    f.Insecure,
		Timeout:     f.HTTPTimeout,
		MaxConns:    concurrency,
		Credentials: credentials,
	})
	if err != nil {
		return nil, usage(err.Error())
	}
	return client, nil
}

// proxyFor is the one that the environment names for an endpoint (HTTPS_PROXY, save where NO_PROXY
// names its host), as other programs take it.
func proxyFor(address string) string {
	endpoint, err := url.Parse(strings.TrimSpace(address))
	if err != nil || endpoint.Scheme != "https" { // what is wrong with it is said elsewhere
		return ""
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: endpoint})
	switch {
	case err != nil:
		return cmp.Or(
			os.Getenv("HTTPS_PROXY"),
			os.Getenv("https_proxy"),
		) // what is wrong with it is said where it is checked
	case proxy == nil:
		return ""
	}
	return proxy.String()
}

// metadataHost is where Alibaba's machines tell their role and its keys.
const metadataHost = "100.100.100.200"

// reachMetadataDirectly keeps HTTP_PROXY from Alibaba's chain of credentials: a proxy would answer
// with the keys of its own machine. The chain takes its proxy from net/http's default transport,
// and lets nobody set another.
var reachMetadataDirectly = sync.OnceFunc(func() {
	if transport, is := http.DefaultTransport.(*http.Transport); is {
		transport.Proxy = exceptMetadata(http.ProxyFromEnvironment)
	}
})

func exceptMetadata(
	proxy func(*http.Request) (*url.URL, error),
) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		if r.URL.Hostname() == metadataHost {
			return nil, nil
		}
		return proxy(r)
	}
}

// printsSecrets tells whether the variable DEBUG makes one of Alibaba's libraries print what it
// sends and receives.
func printsSecrets(debug string) bool {
	return slices.ContainsFunc(strings.Split(debug, ","), func(name string) bool {
		return slices.Contains([]string{"credential", "dara", "tea"}, name)
	})
}
