// Package audit keeps who changed what, when and why: a stream of lines in Redis, each for [Keep].
//
// A line is written before what it tells of is done, and nothing is done without one. Where it came
// to nothing, or there is more to tell, a second line says so: its Detail has [Of], the id of the
// first, and [Result]. A line alone says that it was done, or, where a process died or Redis went
// away in between, that somebody asked for it: what became of a task, its record tells.
package audit

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

const (
	// Key is the stream's.
	Key = "dypls:audit"
	// Keep is how long a line is kept.
	Keep = 180 * 24 * time.Hour
)

// Ways in which somebody changed something: [Entry].Via.
const (
	CLI      = "cli"
	Console  = "console"
	Asynqmon = "asynqmon"
	API      = "api"
)

// Names of actions, and of what Detail tells of them.
const (
	Cancel          = "cancel" // a task
	Resolve         = "resolve"
	Retry           = "retry"
	BulkCancel      = "bulk.cancel" // many tasks
	BulkResolve     = "bulk.resolve"
	BulkRetry       = "bulk.retry"
	Pause           = "pause" // a queue
	Resume          = "resume"
	NumbersImport   = "numbers.import" // a pool
	NumbersReadmit  = "numbers.readmit"
	NumbersRelease  = "numbers.release"
	NumbersShow     = "numbers.show"     // whole numbers of a task or a call
	CallbacksReplay = "callbacks.replay" // an endpoint
	CallbacksEnable = "callbacks.enable"
	RecordingsRetry = "recordings.retry" // a call, or all since a time
	RecordingsPlay  = "recordings.play"

	Of     = "of"     // of a second line: the id of the first
	Result = "result" // of a second line: done, or what went wrong
	Done   = "done"
)

// ErrNotWritten: a line could not be written, and what it tells of was not done.
var ErrNotWritten = errors.New("nothing was changed: the audit could not be written")

// Entry is a line: who did what to what, and why.
type Entry struct {
	ID     string    `json:"id"` // given by [Log.Add]; those that were added later sort behind
	At     time.Time `json:"at"`
	By     string    `json:"by"`  // the user, as the door, the token or the system knows them
	Via    string    `json:"via"` // cli, console, asynqmon or api
	Action string    `json:"action"`
	// the id of a task or call, the name of a queue, a pool or an endpoint
	Target string            `json:"target"`
	Reason string            `json:"reason,omitempty"`
	Detail map[string]string `json:"detail,omitempty"`
}

// Log is the audit in one Redis.
type Log struct {
	redis redis.UniversalClient
	keys  *seal.Keys // nil to seal nothing
}

// New returns the log at a client's Redis.
func New(client redis.UniversalClient) *Log { return &Log{redis: client} }

// WithKeys has what people wrote sealed by keys, nil for none.
func (l *Log) WithKeys(k *seal.Keys) *Log {
	l.keys = k
	return l
}

//go:embed lua/add.lua
var addLua string

// Add writes a line, and drops those that are older than [Keep]. Its time is that of Redis; ID and
// At of e do not matter. Telephone numbers and signed links in it are masked.
func (l *Log) Add(ctx context.Context, e Entry) error {
	_, err := l.AddAll(ctx, []Entry{e})
	return err
}

// AddAll writes lines in one round trip, and returns their ids. Some may be written where it fails.
func (l *Log) AddAll(ctx context.Context, entries []Entry) (ids []string, err error) {
	replies := make([]*redis.Cmd, len(entries))
	_, err = l.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, e := range entries {
			args := append([]any{Keep.Milliseconds()}, e.values(l.keys)...)
			replies[i] = p.Eval(ctx, addLua, []string{Key}, args...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	ids = make([]string, len(entries))
	for i, reply := range replies {
		ids[i], _ = reply.Val().(string)
	}
	return ids, nil
}

// answerWithin is how long the second line may take where whoever asked has gone.
const answerWithin = 5 * time.Second

// Do writes a line, acts, and writes a second one where acting failed or returned more to tell. It
// returns act's error, or [ErrNotWritten] where it did not act.
func (l *Log) Do(
	ctx context.Context,
	e Entry,
	act func(ctx context.Context) (detail map[string]string, err error),
) error {
	ids, err := l.AddAll(ctx, []Entry{e})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritten, err)
	}
	detail, err := act(ctx)
	if err == nil && len(detail) == 0 {
		return nil
	}
	second := e.Second(ids[0], detail, err)
	told, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	_ = l.Add(told, second) // the first line stands
	return err
}

// Second is the line that says what came of e, whose id this is.
func (e Entry) Second(id string, detail map[string]string, err error) Entry {
	told := map[string]string{Of: id, Result: Done}
	maps.Copy(told, detail)
	if err != nil {
		told[Result] = err.Error()
	}
	return Entry{By: e.By, Via: e.Via, Action: e.Action, Target: e.Target, Detail: told}
}
