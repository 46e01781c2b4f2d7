package console

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// tokens make what every form carries: proof that a page of the console, drawn for this user in
// this browser, was sent off, for the first time and within [tokenLife]. Several processes may
// serve the same people: the secret and the tokens that were used are in Redis.
type tokens struct {
	redis redis.UniversalClient
	keys  *seal.Keys // nil to seal nothing

	mu     sync.Mutex
	secret []byte
}

const (
	secretKey  = "dypls:console:secret" //nolint:gosec // where it is kept
	usedPrefix = "dypls:console:used:"
	tokenField = "token"
	tokenLife  = 12 * time.Hour
)

func newTokens(client redis.UniversalClient, keys *seal.Keys) *tokens {
	return &tokens{redis: client, keys: keys}
}

// key reads the secret, or makes it. It is read once in a process.
func (t *tokens) key(ctx context.Context) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.secret != nil {
		return t.secret, nil
	}
	at := seal.Place{Key: secretKey}
	if err := t.redis.SetNX(ctx, secretKey, t.keys.Seal(at, rand.Text()), 0).Err(); err != nil {
		return nil, fmt.Errorf("the secret of forms: %w", err)
	}
	stored, err := t.redis.Get(ctx, secretKey).Result()
	if err != nil {
		return nil, fmt.Errorf("the secret of forms: %w", err)
	}
	secret, err := t.keys.Open(at, stored)
	if err != nil { // pages are read all the same, and forms of this process go to this process
		secret = rand.Text()
	}
	t.secret = []byte(secret)
	return t.secret, nil
}

// issue makes a token for a form of a page.
func (t *tokens) issue(ctx context.Context, r *request) (string, error) {
	key, err := t.key(ctx)
	if err != nil {
		return "", err
	}
	until := strconv.FormatInt(r.console.Now().Add(tokenLife).Unix(), 36)
	nonce := rand.Text()
	return nonce + "." + until + "." + signature(key, r, nonce, until), nil
}

func signature(key []byte, r *request, nonce, until string) string {
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s\x00%s\x00%s\x00%s", r.session, r.access.User, nonce, until)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// use checks a token and takes it: another request with the same one is refused.
func (t *tokens) use(ctx context.Context, r *request, token string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 { // nonce, until, signature
		return errForm
	}
	nonce, until, signed := parts[0], parts[1], parts[2]
	key, err := t.key(ctx)
	if err != nil {
		return err
	}
	ends, err := strconv.ParseInt(until, 36, 64)
	if err != nil || !hmac.Equal([]byte(signed), []byte(signature(key, r, nonce, until))) {
		return errForm
	}
	if !r.console.Now().Before(time.Unix(ends, 0)) {
		return errForm
	}
	first, err := t.redis.SetNX(ctx, usedPrefix+nonce, "1", tokenLife).Result()
	if err != nil {
		return fmt.Errorf("note that a form was sent: %w", err)
	}
	if !first {
		return errTwice
	}
	return nil
}

// checkForm reads a form that changes something, and refuses one that is not this page's own.
func (r *request) checkForm() error {
	if err := r.read(); err != nil {
		return err
	}
	return r.console.tokens.use(r.Context(), r, r.PostForm.Get(tokenField))
}
