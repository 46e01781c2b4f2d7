package dypls

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// SignedURL is a link that works for whoever holds it, until it expires: a secret.
//
// Every formatting verb, and log/slog, prints it without its path and query; JSON, and a conversion
// to string, give it whole.
type SignedURL string

// Masked returns the URL's scheme and host alone.
func (u SignedURL) Masked() string {
	if u == "" {
		return ""
	}
	scheme, host, found := strings.Cut(string(u), "://")
	if !found || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return "***"
	}
	if end := strings.IndexAny(host, `/?#\`); end >= 0 {
		host = host[:end]
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	if strings.ContainsFunc(host, isNoHostByte) { // a link within the link, encoded
		host = ""
	}
	return scheme + "://" + host + "/***"
}

func isNoHostByte(r rune) bool {
	letter := 'a' <= r|0x20 && r|0x20 <= 'z'
	return !letter && (r < '0' || r > '9') && !strings.ContainsRune(".-_:[]", r)
}

// ExpiresAt returns when the link stops working, in UTC, read from its own Expires parameter
// (Unix seconds, as OSS signs it). It is the zero time where the link does not say.
func (u SignedURL) ExpiresAt() time.Time {
	_, query, _ := strings.Cut(string(u), "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(values.Get("Expires"), 10, 64)
	if err != nil || seconds <= 0 || seconds > maxUnixSeconds {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// maxUnixSeconds is the end of the year 9999, the last that JSON can write.
const maxUnixSeconds = 253402300799

// Format implements [fmt.Formatter]: every verb prints the masked link.
func (u SignedURL) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, u.Masked()) }

// String returns the masked link.
func (u SignedURL) String() string { return u.Masked() }

// LogValue implements [slog.LogValuer].
func (u SignedURL) LogValue() slog.Value { return slog.StringValue(u.Masked()) }
