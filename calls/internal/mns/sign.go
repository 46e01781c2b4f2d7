package mns

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the protocol's own choice
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	version = "2015-06-06"
	// ownHeaders begin the names of the headers that are signed, beside those that always are.
	ownHeaders = "x-mns-"
)

// sign signs a request by version 2 of the protocol's signature. The token that belongs to a
// temporary key travels in a header that is not signed.
func sign(r *http.Request, t Token, now time.Time) {
	r.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	r.Header.Set("X-Mns-Version", version)
	r.Header.Set("Security-Token", t.SecurityToken)
	r.Header.Set("Authorization", "MNS "+t.AccessKeyID+":"+signature(r, t.AccessKeySecret))
}

// signature is over path and query exactly as they are sent.
func signature(r *http.Request, secret string) string {
	var own []string
	for name, values := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, ownHeaders) {
			own = append(own, name+":"+strings.Join(values, ",")+"\n")
		}
	}
	slices.Sort(own)
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(strings.Join([]string{
		r.Method,
		r.Header.Get("Content-MD5"),
		r.Header.Get("Content-Type"),
		r.Header.Get("Date"),
		strings.Join(own, "") + r.URL.RequestURI(),
	}, "\n")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
