package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// The keys of a machine's role are asked for without a proxy, which would answer with those of its
// own.
func TestMetadataIsReachedDirectly(t *testing.T) {
	t.Parallel()
	proxy := &url.URL{Scheme: "http", Host: "proxy.example:3128"}
	choose := exceptMetadata(http.ProxyURL(proxy))
	for target, want := range map[string]*url.URL{
		"http://100.100.100.200/latest/api/token": nil, "http://100.100.100.200:80/": nil,
		"https://sts.aliyuncs.com/": proxy, "http://100.100.100.201/": proxy,
	} {
		if got, err := choose(httptest.NewRequest(http.MethodGet, target, nil)); got != want || err != nil {
			t.Errorf("%s is asked through %v, error %v; want %v", target, got, err, want)
		}
	}
}
