package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/calls"
)

const (
	noteExtension = ".json"
	mostNote      = 64 << 10
)

// errOther is that the store has another file under the recording's name, which stays.
var errOther = errors.New("the store has another file under this name: move it away, and have this one tried again")

// storeError is that the store failed, and not the recording.
type storeError struct{ err error }

func (e storeError) Error() string { return "the store: " + e.err.Error() }

func (e storeError) Unwrap() error { return e.err }

// note is what stands beside a recording, as JSON. It holds no number and no link.
type note struct {
	CallID   string  `json:"call_id"`
	TaskID   string  `json:"task_id,omitempty"`
	SubsID   string  `json:"subs_id,omitempty"`
	PoolKey  string  `json:"pool_key,omitempty"`
	Account  string  `json:"account"`
	CallTime string  `json:"call_time"`
	Duration float64 `json:"duration_s,omitempty"` // where the receipt of the end came first
	File     string  `json:"file"`
	Bytes    int64   `json:"bytes"`
	SHA256   string  `json:"sha256"`
	CRC64    string  `json:"crc64"`
	KeptAt   string  `json:"kept_at"`
}

// noteOf is made of what the call shows to people, which is masked.
func noteOf(c calls.Call, name string, s *spool, now time.Time) (note, error) {
	shown, err := json.Marshal(c)
	if err != nil {
		return note{}, err
	}
	var n note
	if err := json.Unmarshal(shown, &n); err != nil {
		return note{}, err
	}
	n.CallID = idOf(c)
	n.Account, _, _ = strings.Cut(name, "/")
	n.File, n.Bytes = path.Base(name)+string(s.kind), s.size
	n.SHA256, n.CRC64 = s.sha256(), s.checksum()
	n.KeptAt = now.UTC().Format("2006-01-02T15:04:05.000Z")
	return n, nil
}

// kept looks whether a recording is in the store, whole: its note is written last.
func kept(ctx context.Context, store Store, name string) (calls.Recording, bool, error) {
	n, err := readNote(ctx, store, name)
	if errors.Is(err, fs.ErrNotExist) {
		return calls.Recording{}, false, nil
	}
	if err != nil {
		return calls.Recording{}, false, storeError{err}
	}
	object := path.Join(path.Dir(name), n.File)
	body, size, err := store.Get(ctx, object)
	switch {
	case errors.Is(err, fs.ErrNotExist): // somebody took it away
		return calls.Recording{}, false, nil
	case err != nil:
		return calls.Recording{}, false, storeError{err}
	}
	_ = body.Close()
	if size != n.Bytes { // it is another's
		return calls.Recording{}, false, nil
	}
	return n.recording(store, name), true, nil
}

func readNote(ctx context.Context, store Store, name string) (n note, err error) {
	body, _, err := store.Get(ctx, name+noteExtension)
	if err != nil {
		return note{}, err
	}
	defer func() { _ = body.Close() }()
	text, err := io.ReadAll(io.LimitReader(body, mostNote))
	if err != nil {
		return note{}, err
	}
	if json.Unmarshal(text, &n) != nil || n.File == "" || strings.Contains(n.File, "/") {
		return note{}, errOther
	}
	return n, nil
}

func (n note) recording(store Store, name string) calls.Recording {
	return calls.Recording{
		Location: store.Location(path.Join(path.Dir(name), n.File)),
		Bytes:    n.Bytes,
		SHA256:   n.SHA256,
		Parts:    1,
	}
}

// put puts a recording that was fetched and checked into the store, and then its note. It may be
// repeated: what is there already is compared.
func put(
	ctx context.Context,
	store Store,
	c calls.Call,
	name string,
	s *spool,
	now time.Time,
) (calls.Recording, error) {
	n, err := noteOf(c, name, s, now)
	if err != nil {
		return calls.Recording{}, err
	}
	text, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return calls.Recording{}, err
	}
	text = append(text, '\n')
	object := path.Join(path.Dir(name), n.File)
	err = store.Put(ctx, object, s.body(), s.size)
	if errors.Is(err, ErrExists) {
		err = same(ctx, store, object, n)
	}
	if err != nil {
		return calls.Recording{}, asStoreError(err)
	}
	err = store.Put(ctx, name+noteExtension, bytes.NewReader(text), int64(len(text)))
	if errors.Is(err, ErrExists) {
		var there note
		if there, err = readNote(ctx, store, name); err == nil && there.SHA256 != n.SHA256 {
			err = errOther
		}
	}
	if err != nil {
		return calls.Recording{}, asStoreError(err)
	}
	return n.recording(store, name), nil
}

func asStoreError(err error) error {
	if errors.Is(err, errOther) {
		return err
	}
	return storeError{err}
}

// same compares what is in the store with what a note says.
func same(ctx context.Context, store Store, object string, n note) error {
	body, size, err := store.Get(ctx, object)
	if err != nil {
		return fmt.Errorf("look at what is there: %w", err)
	}
	defer func() { _ = body.Close() }()
	if size != n.Bytes {
		return errOther
	}
	sum := sha256.New()
	if _, err = io.Copy(sum, body); err != nil {
		return fmt.Errorf("read what is there: %w", err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != n.SHA256 {
		return errOther
	}
	return nil
}
