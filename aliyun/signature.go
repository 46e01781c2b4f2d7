package aliyun

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

const (
	algorithm  = "ACS3-HMAC-SHA256"
	apiVersion = "2017-05-25"
	// noPayload is the SHA-256 of nothing, in hexadecimal.
	noPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// errMalformed is a call that cannot be signed so that the API would understand it.
var errMalformed = errors.New(
	"the action and every parameter need a name of letters, digits, dots and underscores, and each name is given once",
)

// sign returns the request, signed for now. It has no body and no way to get one, so that net/http
// has no reason to send it again.
func (c *Client) sign(call dypls.Call, credential Credential) (*http.Request, error) {
	if !wellFormed(call) {
		return nil, errMalformed
	}
	signed := map[string]*string{
		"host":                  &c.endpoint.Host,
		"x-acs-action":          &call.Action,
		"x-acs-content-sha256":  new(noPayload),
		"x-acs-date":            new(c.clock.read().wall.UTC().Format(time.RFC3339)),
		"x-acs-signature-nonce": new(c.nonce()),
		"x-acs-version":         new(apiVersion),
	}
	if credential.SecurityToken != "" {
		signed["x-acs-security-token"] = &credential.SecurityToken
	}
	query := make(map[string]*string, len(call.Parameters))
	for _, p := range call.Parameters {
		query[p.Name] = &p.Value
	}
	authorization := utils.GetAuthorization(
		&dara.Request{Method: new(http.MethodPost), Pathname: new("/"), Headers: signed, Query: query},
		new(algorithm), new(noPayload), &credential.AccessKeyID, &credential.AccessKeySecret)

	req := &http.Request{
		Method: http.MethodPost,
		URL: &url.URL{
			Scheme:   c.endpoint.Scheme,
			Host:     c.endpoint.Host,
			Path:     "/",
			RawQuery: canonicalQuery(call.Parameters),
		},
		Host: c.endpoint.Host,
		Header: http.Header{
			"Accept":        {"application/json"},
			"Authorization": {*authorization},
			"User-Agent":    {"dyplsq"},
		},
	}
	for name, value := range signed {
		if name != "host" {
			req.Header[http.CanonicalHeaderKey(name)] = []string{*value}
		}
	}
	return req, nil
}

// canonicalQuery writes the parameters exactly as the signer does: what is signed is what is sent.
func canonicalQuery(parameters dypls.Parameters) string {
	sorted := slices.Clone(parameters)
	slices.SortFunc(sorted, func(a, b dypls.Parameter) int { return strings.Compare(a.Name, b.Name) })
	var query strings.Builder
	for i, p := range sorted {
		if i > 0 {
			query.WriteByte('&')
		}
		query.WriteString(p.Name)
		query.WriteByte('=')
		query.WriteString(strings.ReplaceAll(url.QueryEscape(p.Value), "+", "%20"))
	}
	return query.String()
}

// wellFormed guards the query: the signer does not escape names, and takes the last of two that are
// the same.
func wellFormed(call dypls.Call) bool {
	seen := make(map[string]bool, len(call.Parameters))
	for _, p := range call.Parameters {
		if seen[p.Name] || !isName(p.Name) {
			return false
		}
		seen[p.Name] = true
	}
	return isName(call.Action)
}

func isName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' &&
			r != '_'
	})
}

// newNonce returns 128 random bits: the API refuses a nonce that it has seen.
func newNonce() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:])
}
