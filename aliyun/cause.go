package aliyun

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// cause is an error whose text may be shown. What lies beneath is not reachable, except to
// [errors.Is]: it may hold a part of what the other side sent.
type cause struct {
	text string
	err  error
}

// quoted is where net/http's errors repeat what the other side sent, which may repeat what was sent
// to it.
var quoted = regexp.MustCompile(`"([^"\\]|\\.)*"?`)

// newCause leaves out what the error quotes, and masks what the call and its credential hold
// and everything that looks like a number or a link.
func newCause(err error, parameters dypls.Parameters, used Credential) *cause {
	text := quoted.ReplaceAllString(err.Error(), `"..."`)
	for _, secret := range []string{used.AccessKeySecret, used.SecurityToken} {
		text = mask(text, secret)
	}
	return &cause{text: parameters.Scrub(text), err: err}
}

func mask(text, what string) string {
	const tooShort = 5 // to be a secret; replacing it would only garble the text
	if len(what) < tooShort {
		return text
	}
	return strings.ReplaceAll(text, what, "***")
}

func (c *cause) Error() string { return c.text }

func (c *cause) Is(target error) bool { return errors.Is(c.err, target) }

// Format implements [fmt.Formatter]: %#v must not look beneath either.
func (c *cause) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, c.text) }
