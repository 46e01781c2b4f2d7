package archive

import (
	"errors"
	"net/url"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

var errLink = errors.New(
	"the link is refused: it must be https, or http to OSS, which also answers https, or to this machine",
)

// secured is a link that nobody on the way can read: plain http is made https where OSS serves it.
// The signature covers neither.
func secured(link dypls.SignedURL) (string, error) {
	u, err := url.Parse(string(link))
	if err != nil || u.Host == "" || u.User != nil {
		return "", errLink
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case u.Scheme == "https":
	case u.Scheme != "http":
		return "", errLink
	case setting.IsLoopback(host):
	case strings.HasSuffix(host, ".aliyuncs.com") && (u.Port() == "" || u.Port() == "80"):
		u.Scheme, u.Host = "https", host
	default:
		return "", errLink
	}
	u.Fragment = ""
	return u.String(), nil
}
