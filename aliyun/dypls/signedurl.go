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
	scheme, rest, found := strings.Cut(string(u), "://")
	if !found {
		return "***"
	}
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	if _, bare, credentials := strings.Cut(host, "@"); credentials {
		host = bare
	}
	return scheme + "://" + host + "/***"
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
