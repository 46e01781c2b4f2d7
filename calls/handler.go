package calls

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/replicas"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	// defaultDeadline leaves the network 200 of the 700 ms that the platform waits.
	defaultDeadline   = 500 * time.Millisecond
	defaultMaxBody    = 1 << 20
	defaultConcurrent = 64
	// LeastSecret is how many characters a secret has at least.
	LeastSecret = 16
	pathPrefix  = "/receipts/"
)

// HandlerConfig is what a handler of pushes needs. Zero values mean the defaults.
type HandlerConfig struct {
	// Secrets are those of which one must stand in the path of a push, at least 16 characters of
	// A-Z a-z 0-9 - . _ ~ each. Several at once let them be changed without losing a push.
	Secrets []string
	// Account is the account of the numbers, as workers know it: "" for [tasks.DefaultAccount]. A
	// push does not say whose it is, so that each account needs an address of its own.
	Account string
	// MaxBody is how many bytes a push may have: 1 MiB by default.
	MaxBody int64
	// Deadline is within what time a push is answered, whatever Redis does: 500 ms by default.
	Deadline time.Duration
	// Concurrent is how many pushes are read and stored at once, 64 by default. Others wait for their
	// turn, within the deadline.
	Concurrent int
}

// handler takes in pushes.
type handler struct {
	store    *Store
	secrets  [][sha256.Size]byte
	account  string
	maxBody  int64
	deadline time.Duration
	slots    chan struct{}
}

// Handler returns a handler of POST /receipts/<secret>/<Type>, Type being the name of a
// [dypls.ReceiptType]: of the address that is entered for this type in the console. A push is
// answered with {"code":0,"msg":"OK"} once Redis has stored it, with 503 where it has not in time,
// so that the platform pushes it again, and with 404 where secret or type are wrong.
func (s *Store) Handler(c HandlerConfig) (http.Handler, error) {
	h := &handler{
		store:    s,
		account:  c.Account,
		maxBody:  cmp.Or(c.MaxBody, defaultMaxBody),
		deadline: cmp.Or(c.Deadline, defaultDeadline),
		slots:    make(chan struct{}, cmp.Or(max(c.Concurrent, 0), defaultConcurrent)),
	}
	if err := checkAccount(&h.account); err != nil {
		return nil, err
	}
	if len(c.Secrets) == 0 {
		return nil, errors.New("a secret must be given: it is all that tells the platform from others")
	}
	for i, secret := range c.Secrets {
		if len(secret) < LeastSecret || strings.ContainsFunc(secret, isNoSecretByte) {
			return nil, fmt.Errorf(
				"secret %d must have at least %d characters, all of them A-Z a-z 0-9 - . _ ~: make one with openssl rand -hex 24",
				i+1,
				LeastSecret,
			)
		}
		h.secrets = append(h.secrets, sha256.Sum256([]byte(secret)))
	}
	return h, nil
}

// checkAccount refuses what can be no account's name, and leaves the default account unnamed.
func checkAccount(name *string) error {
	if *name == tasks.DefaultAccount {
		*name = ""
	}
	if *name == "" || asynqwire.IsAccount(*name) {
		return nil
	}
	return errors.New("the account " + asynqwire.AccountRule + ": give the name that the workers know it by")
}

func isNoSecretByte(r rune) bool {
	letter := 'a' <= r|0x20 && r|0x20 <= 'z'
	return !letter && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
}

// ServeHTTP takes in one push.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	t, status := h.admit(r)
	if status == 0 {
		status = h.take(w, r, t, began)
	}
	switch status {
	case http.StatusOK:
		answer(w, status, `{"code":0,"msg":"OK"}`)
	case http.StatusNotFound:
		http.NotFound(w, r)
	default:
		if status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		answer(w, status, fmt.Sprintf(`{"code":%d,"msg":%q}`, status, http.StatusText(status)))
	}
	h.store.trace.pushDone(Push{t, status, time.Since(began)})
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// admit looks at the path and the method. Who does not know a secret learns nothing else.
func (h *handler) admit(r *http.Request) (t dypls.ReceiptType, status int) {
	rest, _ := strings.CutPrefix(r.URL.Path, pathPrefix)
	secret, name, _ := strings.Cut(rest, "/")
	sum, known := sha256.Sum256([]byte(secret)), 0
	for i := range h.secrets {
		known |= subtle.ConstantTimeCompare(sum[:], h.secrets[i][:])
	}
	if known == 0 || !dypls.ReceiptType(name).Known() {
		return "", http.StatusNotFound
	}
	if r.Method != http.MethodPost {
		return dypls.ReceiptType(name), http.StatusMethodNotAllowed
	}
	return dypls.ReceiptType(name), 0
}

// take reads and stores a push, within the deadline.
func (h *handler) take(
	w http.ResponseWriter,
	r *http.Request,
	t dypls.ReceiptType,
	began time.Time,
) int {
	ctx, cancel := context.WithDeadline(r.Context(), began.Add(h.deadline))
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return http.StatusServiceUnavailable
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(began.Add(h.deadline)) // where the server can
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.maxBody))
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return http.StatusServiceUnavailable
	}
	_ = control.SetReadDeadline(time.Time{})
	if err := h.store.put(ctx, pushed{t, wayHTTP, h.account, body}); err != nil {
		h.store.sayNotStored(err)
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

// sayNotStored tells it now and then: where Redis is away each push would have a line.
func (s *Store) sayNotStored(err error) {
	if mayTell(&s.said) {
		s.log.Error().Str("error", dypls.Scrub(err.Error())).
			Msg("pushes not stored; the platform repeats them")
	}
}

// pushed is what came in, as it came.
type pushed struct {
	of      dypls.ReceiptType
	way     string
	account string // "" for the default account
	body    []byte
}

// put stores what came before anybody is told that it is here. Where too few replicas hold it, that
// is an error: it comes again, and its copy that is stored does no harm.
func (s *Store) put(ctx context.Context, p pushed) error {
	body := s.sealEntry(pushStream, p.account, fieldBody, p.body)
	values := withAccount(p.account, fieldType, string(p.of), fieldWay, p.way, fieldBody, body)
	var err error
	if s.replicas == 0 {
		err = s.redis.XAdd(ctx, &redis.XAddArgs{Stream: pushStream, Values: values}).Err()
	} else {
		reply, shortage := replicas.Run(
			ctx, s.redis, s.replicas, takeScript, []string{pushStream}, values...,
		)
		if err = reply.Err(); err == nil && shortage != nil {
			err = shortage
		}
	}
	if err != nil {
		return fmt.Errorf("store receipts: %w", err)
	}
	return nil
}

// withAccount are the fields of an entry, and its account unless it is the default one.
func withAccount(account string, fields ...any) []any {
	if account == "" {
		return fields
	}
	return append(fields, fieldAccount, account)
}
