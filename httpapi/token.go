package httpapi

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// Scope is something that a token may do.
type Scope string

// The scopes.
const (
	ScopeEnqueue Scope = "enqueue" // enqueue tasks
	ScopeRead    Scope = "read"    // see outcomes, lists, calls and events
	ScopeOperate Scope = "operate" // cancel and resolve tasks
	ScopeNumbers Scope = "numbers" // see the numbers and links of results whole
)

// Scopes returns all scopes.
func Scopes() []Scope { return []Scope{ScopeEnqueue, ScopeRead, ScopeOperate, ScopeNumbers} }

// ParseScopes reads scopes between commas.
func ParseScopes(text string) ([]Scope, error) {
	var scopes []Scope
	for name := range strings.SplitSeq(text, ",") {
		scope := Scope(strings.TrimSpace(name))
		if !slices.Contains(Scopes(), scope) {
			return nil, errors.New("a scope must be one of enqueue, read, operate and numbers: write those that are meant, with commas between them")
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes, nil
}

// Token is what its owner may do who shows a secret, of which a hash is kept.
type Token struct {
	Name    string
	Scopes  []Scope
	Created time.Time

	sum [sha256.Size]byte
}

const (
	secretPrefix = "dyplsq_"
	secretBytes  = 32
	sumPrefix    = "sha256:"
)

// NewToken makes a token, and the secret that its owner shows: nobody else has it, and nothing
// keeps it.
func NewToken(name string, scopes []Scope, now time.Time) (token Token, secret string, err error) {
	if err := checkTokenName(name); err != nil {
		return Token{}, "", err
	}
	if len(scopes) == 0 {
		return Token{}, "", errors.New("a scope must be given: enqueue, read, operate or numbers")
	}
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // it never fails
	secret = secretPrefix + base64.RawURLEncoding.EncodeToString(random)
	token = Token{
		Name:    name,
		Scopes:  slices.Clone(scopes),
		Created: now.UTC().Truncate(time.Second),
		sum:     sha256.Sum256([]byte(secret)),
	}
	return token, secret, nil
}

// checkTokenName refuses a name that a log could not show.
func checkTokenName(name string) error {
	if !asynqwire.IsAccount(name) || dypls.Scrub(name) != name {
		return errors.New("the token's name " + asynqwire.AccountRule + ", and no telephone number: name who will use it")
	}
	return nil
}

// Line is the token's line in a file: its name, its scopes, the hash of its secret, and when it was
// made.
func (t Token) Line() string {
	scopes := make([]string, len(t.Scopes))
	for i, s := range t.Scopes {
		scopes[i] = string(s)
	}
	return fmt.Sprintf("%s %s %s%s %s", t.Name, strings.Join(scopes, ","), sumPrefix,
		hex.EncodeToString(t.sum[:]), t.Created.UTC().Format(time.RFC3339))
}

// has reports whether the token has a scope.
func (t Token) has(scope Scope) bool { return slices.Contains(t.Scopes, scope) }

// Tokens finds the token of a secret.
type Tokens interface {
	Find(secret string) (Token, bool)
}

// TokenList is a list of tokens that does not change.
type TokenList []Token

// Find looks at every token, so that the time it takes tells nothing.
func (l TokenList) Find(secret string) (Token, bool) {
	sum, at := sha256.Sum256([]byte(secret)), -1
	for i := range l {
		if subtle.ConstantTimeCompare(sum[:], l[i].sum[:]) == 1 {
			at = i
		}
	}
	if at < 0 {
		return Token{}, false
	}
	return l[at], true
}

// ParseTokens reads a file of tokens: one a line, as [Token.Line] writes it. Blank lines and those
// that begin with # are none.
func ParseTokens(text string) (TokenList, error) {
	list := TokenList{}
	var problems []error
	number := 0
	for line := range strings.Lines(text) {
		number++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		token, err := parseToken(line)
		if err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", number, err))
		}
		list = append(list, token)
	}
	if problems != nil {
		return nil, errors.Join(problems...)
	}
	return list, nil
}

var errNoToken = errors.New(
	"must be NAME SCOPES sha256:HASH TIME: have dyplsq token new write it",
)

func parseToken(line string) (t Token, err error) {
	fields := strings.Fields(line)
	const parts = 4
	if len(fields) != parts {
		return t, errNoToken
	}
	hash, prefixed := strings.CutPrefix(fields[2], sumPrefix)
	sum, hexErr := hex.DecodeString(hash)
	t.Created, err = time.Parse(time.RFC3339, fields[3])
	if !prefixed || hexErr != nil || len(sum) != sha256.Size || err != nil {
		return t, errNoToken
	}
	copy(t.sum[:], sum)
	t.Name = fields[0]
	if err := checkTokenName(t.Name); err != nil {
		return t, err
	}
	t.Scopes, err = ParseScopes(fields[1])
	return t, err
}
