package aliyun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// ErrNoCredentials is that there is no source of credentials at all: waiting does not help.
var ErrNoCredentials = errors.New(
	"no Alibaba Cloud credentials: set " + envID + " and " + envSecret + " (and " + envToken +
		" where they are temporary), or " + envURI + ", or give this machine a RAM role",
)

// Credentials is where a client gets what it signs with, for every call anew. Get must be safe for
// concurrent use, should return at once where nothing has to be refreshed, and must return when ctx
// is done.
type Credentials interface {
	Get(ctx context.Context) (Credential, error)
}

// Credential is an access key. Every formatting verb, log/slog and JSON leave the secrets out.
type Credential struct {
	AccessKeyID     string
	AccessKeySecret string `json:"-"`
	SecurityToken   string `json:"-"` // of temporary credentials
}

// Format implements [fmt.Formatter].
func (c Credential) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, c.masked()) }

// LogValue implements [slog.LogValuer].
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.masked()) }

func (c Credential) masked() string {
	const shown = 4 // the same for every key of a kind: LTAI, STS.
	id := "***"
	if len(c.AccessKeyID) > 3*shown {
		id = c.AccessKeyID[:shown] + "***" + c.AccessKeyID[len(c.AccessKeyID)-shown:]
	}
	return "aliyun.Credential(" + id + ")"
}

// trimmed is the credential without the blanks and line breaks around its parts: they came with the
// file that a secret was read from.
func (c Credential) trimmed() Credential {
	return Credential{
		AccessKeyID:     strings.TrimSpace(c.AccessKeyID),
		AccessKeySecret: strings.TrimSpace(c.AccessKeySecret),
		SecurityToken:   strings.TrimSpace(c.SecurityToken),
	}
}

// defect returns what makes the credential unusable, "" when nothing does.
func (c Credential) defect() string {
	for _, part := range []struct{ name, value string }{
		{"the access key ID", c.AccessKeyID},
		{"the access key secret", c.AccessKeySecret},
		{"the security token", c.SecurityToken},
	} {
		if strings.ContainsFunc(part.value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return part.name + " holds a blank, a line break or another character that no key has"
		}
		if strings.ContainsAny(part.value, "\"'`") {
			return part.name + " holds a quotation mark, which no key has: give it without"
		}
	}
	switch {
	case c.AccessKeyID == "":
		return "the access key ID is empty"
	case c.AccessKeySecret == "":
		return "the access key secret is empty"
	}
	return ""
}

// hidden keeps a credential in a struct: fmt prints what it finds in private fields, whatever their
// methods, but does not look into a function.
type hidden func() Credential

func hide(c Credential) hidden { return func() Credential { return c } }

type staticCredentials struct{ credential hidden }

// StaticCredentials returns credentials that never change; token is "" unless they are temporary.
// [New] checks them.
func StaticCredentials(accessKeyID, accessKeySecret, token string) Credentials {
	return &staticCredentials{
		hide(
			Credential{AccessKeyID: accessKeyID, AccessKeySecret: accessKeySecret, SecurityToken: token},
		),
	}
}

// Get implements [Credentials].
func (s *staticCredentials) Get(context.Context) (Credential, error) { return s.credential(), nil }

// Format implements [fmt.Formatter].
func (s *staticCredentials) Format(f fmt.State, verb rune) { s.credential().Format(f, verb) }
