package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
)

// reach has the endpoint answer over the way that calls take. The request is not signed and names
// no action: nothing is done or billed.
func (f apiFlags) reach(ctx context.Context) (doctor.Reached, error) {
	var reached doctor.Reached
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	if text := proxyFor(f.Endpoint); text != "" {
		proxy, err := url.Parse(text)
		if err != nil || proxy.Host == "" { // the error would repeat it, and it may hold a password
			return reached, errors.New("HTTPS_PROXY is no URL")
		}
		reached.Via, transport.Proxy = proxy.Host, http.ProxyURL(proxy)
	}
	request, err := http.NewRequestWithContext(
		ctx,
		http.MethodHead,
		strings.TrimSpace(f.Endpoint),
		http.NoBody,
	)
	if err != nil {
		return reached, errors.New("the endpoint is no URL")
	}
	client := http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if outer, is := errors.AsType[*url.Error](err); is {
		err = outer.Err // without the URL
	}
	if err != nil {
		return reached, err
	}
	_ = response.Body.Close()
	reached.Clock, _ = http.ParseTime(response.Header.Get("Date")) // zero where there is none
	return reached, nil
}
