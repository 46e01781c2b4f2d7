package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/replicas"
)

// Want is what a task needs an X for.
type Want struct {
	Pool      string
	Task      string
	Kind      Kind
	A, B      dypls.Phone // for a Pair; others leave them out of account
	City      string      // "" for any
	Strict    bool        // no other city's number where the wanted one has none
	X         dypls.Phone // where the caller named it: then it is only written down
	Extension string      // where the caller named it beside X
	// when the number may be free again at the latest, whatever comes of the bind; the zero time for
	// never
	Until time.Time
}

// Leased is what a task holds.
type Leased struct {
	X         dypls.Phone
	Extension string // of an Extension
	// false: the X that the caller named is not of this inventory, and nothing was written down
	Listed bool
}

// NameIn names the X, and the extension where there is one, in the request of a bind.
func (l Leased) NameIn(request []byte) ([]byte, error) {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(request, &fields)
	if err != nil {
		return request, err
	}
	if fields["PhoneNoX"], err = json.Marshal(l.X); err != nil {
		return request, err
	}
	if l.Extension != "" {
		if fields["Extension"], err = json.Marshal(l.Extension); err != nil {
			return request, err
		}
	}
	return json.Marshal(fields)
}

// ErrNoneFree is matched by a [NoneFreeError].
var ErrNoneFree = errors.New("no number is free")

// NoneFreeError tells that no number of the pool will do now.
type NoneFreeError struct {
	Pool string
	City string // where no other city's would do
	// when one may be free, unless one is released before; the zero time where that cannot be told
	Next time.Time
}

func (e *NoneFreeError) Error() string {
	text := "inventory: no number of pool " + e.Pool
	if e.City != "" {
		text += " in " + e.City
	}
	text += " is free"
	if !e.Next.IsZero() {
		text += "; the next may be at " + e.Next.Format(time.RFC3339)
	}
	return text
}

// Is makes it match ErrNoneFree.
func (e *NoneFreeError) Is(target error) bool { return target == ErrNoneFree }

var errNotX = errors.New("the X must be 3-20 digits")

// ErrHoldsAnother is returned where a task names an X although it was given another before.
var ErrHoldsAnother = errors.New("inventory: the task holds another number than the one it names")

// Lease gives a task an X, and an extension where its kind has one: what it got before where it
// asks again, whatever else is wanted then. The task keeps it, without an expiry, until Bound or
// Release. Where no number will do, the error is a *[NoneFreeError]; for a pair of someone who is
// on nearly all of some hundred numbers, it may be wrong, and right another time. A
// *[replicas.ShortageError] says that the task has got its X, and is not to use it before it has
// asked again; an *[UnreadableError], that it has got one that cannot be told: it keeps it, and may
// ask again.
func (v *Inventory) Lease(ctx context.Context, want Want) (Leased, error) {
	if err := want.check(); err != nil {
		return Leased{}, fmt.Errorf("inventory: lease: %w", err)
	}
	strict := 0
	if want.Strict {
		strict = 1
	}
	extension := ""
	if want.X != "" {
		extension = want.Kind.extension(want.Extension)
	}
	var reply []string
	var shortage *replicas.ShortageError
	a, b := hashed(want.Kind, want.A, want.B)
	verdict, err := v.withHashes(ctx, want.Pool, a, b, func(
		a, b person, secretName string,
	) (string, error) {
		var err error
		var cmd *redis.Cmd
		cmd, shortage = v.runHeld(
			ctx,
			leaseScript,
			want.Pool,
			want.Task,
			string(want.Kind),
			a,
			b,
			want.City,
			strict,
			v.name(want.Pool, want.X),
			extension,
			secretName,
			millis(want.Until),
		)
		reply, err = cmd.StringSlice()
		if err != nil || len(reply) == 0 {
			return "", err
		}
		return reply[0], nil
	})
	if err != nil {
		return Leased{}, fmt.Errorf("inventory: lease: %w", err)
	}
	switch {
	case verdict == "leased" && shortage != nil:
		return Leased{}, fmt.Errorf("inventory: lease: %w", shortage)
	case verdict == "leased" && len(reply) == 4:
		return v.leased(want.Pool, reply[1], reply[2], reply[3])
	case verdict == "unlisted":
		return Leased{X: want.X, Extension: extension}, nil
	case verdict == "other":
		return Leased{}, ErrHoldsAnother
	case verdict == "none" && len(reply) == 2:
		return Leased{}, want.noneFree(reply[1])
	}
	return Leased{}, fmt.Errorf("inventory: lease: unexpected reply of a script: %q", verdict)
}

func (v *Inventory) leased(pool, name, extension, sealed string) (Leased, error) {
	x, err := v.open(pool, name, sealed)
	if err != nil {
		return Leased{}, fmt.Errorf("inventory: lease: %w", err)
	}
	return Leased{X: x, Extension: extension, Listed: true}, nil
}

func (w Want) check() error {
	switch {
	case !w.Kind.valid():
		return fmt.Errorf("kind %q: take Alone, Pair or Extension", w.Kind)
	case w.Kind == Pair && (w.A == "" || w.B == ""):
		return errors.New("a pair needs A and B")
	case w.X != "" && !isNumber(string(w.X)):
		return errNotX
	case w.X != "" && w.Kind == Extension && w.Extension != "" && !isExtension(w.Extension):
		return errors.New("an extension must be 1-3 digits")
	}
	return checkWords("task", w.Task)
}

func (w Want) noneFree(next string) error {
	e := &NoneFreeError{Pool: w.Pool}
	if w.Strict {
		e.City = w.City
	}
	if ms, err := strconv.ParseInt(next, 10, 64); err == nil && ms > 0 {
		e.Next = time.UnixMilli(ms).UTC()
	}
	return e
}
