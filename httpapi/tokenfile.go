package httpapi

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// lookEvery is how often a file of tokens is looked at, at the most. A token whose line is deleted
// is refused that much later at the latest.
const lookEvery = time.Second

// TokenFile is a file of tokens. What is changed in it holds a second later at the latest, without
// a restart.
type TokenFile struct {
	path string
	log  zerolog.Logger
	look throttle

	mu     sync.RWMutex
	list   TokenList
	seen   fs.FileInfo
	failed string
}

// OpenTokens reads a file of tokens, see [ParseTokens]. One that is broken later is logged, and the
// tokens of before stay.
func OpenTokens(path string, log zerolog.Logger) (*TokenFile, error) {
	f := &TokenFile{path: path, log: log, look: throttle{every: lookEvery}}
	f.look.may(time.Now())
	list, seen, err := readTokens(path)
	if err != nil {
		return nil, err
	}
	f.list, f.seen = list, seen
	return f, nil
}

// readTokens reads a file. What it returns of the file is from before it was read, so that a change
// in between is seen the next time.
func readTokens(path string) (TokenList, fs.FileInfo, error) {
	seen, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("the tokens cannot be read: %w", err)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, seen, fmt.Errorf("the tokens cannot be read: %w", err)
	}
	list, err := ParseTokens(string(text))
	if err != nil {
		return nil, seen, fmt.Errorf("the tokens cannot be read: %w", err)
	}
	return list, seen, nil
}

// Find implements [Tokens].
func (f *TokenFile) Find(secret string) (Token, bool) {
	if f.look.may(time.Now()) {
		f.reload()
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.list.Find(secret)
}

// Exposed reports whether others than its owner and group may read or write the file.
func (f *TokenFile) Exposed() bool {
	const others = 0o007 // its group may: Kubernetes hands a pod its secrets so
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.seen.Mode().Perm()&others != 0
}

// Len returns how many tokens there are.
func (f *TokenFile) Len() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.list)
}

// reload reads the file where it has changed.
func (f *TokenFile) reload() {
	now, err := os.Stat(f.path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && isSame(f.seen, now) {
		return
	}
	list, seen, err := readTokens(f.path)
	if seen != nil {
		f.seen = seen
	}
	if err != nil {
		f.say(err)
		return
	}
	f.list, f.failed = list, ""
	f.log.Info().Int("tokens", len(list)).Msg("tokens read again")
}

func isSame(before, now fs.FileInfo) bool {
	return os.SameFile(before, now) && before.Size() == now.Size() &&
		before.ModTime().Equal(now.ModTime())
}

// say logs what is wrong with the file, once.
func (f *TokenFile) say(err error) {
	if text := err.Error(); text != f.failed {
		f.failed = text
		if path, is := errors.AsType[*fs.PathError](err); is {
			err = path.Err
		}
		f.log.Error().Str("file", f.path).Str("error", err.Error()).
			Msg("tokens file broken; the tokens of before stay")
	}
}
