// Package doctor examines what dyplsq stands on: Redis, the queues in it, this machine's clock,
// credentials and settings. It changes nothing, calls nothing that is billed, and reads no more
// than a bounded number of keys, however many there are.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Verdict is what a check amounts to.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Warning Verdict = "warning"
	Loses   Verdict = "will lose data"
)

// Finding is what one check found. It holds no number and no secret.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`
	Remedy  string  `json:"remedy,omitempty"`
}

func found(check, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: OK, Found: fmt.Sprintf(format, args...)}
}

// but makes it a finding with something to be done about it.
func (f Finding) but(v Verdict, remedy string) Finding {
	f.Verdict, f.Remedy = v, remedy
	return f
}

// Config says what to examine.
type Config struct {
	Redis redis.UniversalClient
	// Keys seal what may hold a number, nil for none.
	Keys *tasks.Keys
	// Shards is over how many queues the tasks of each kind are spread; 0 for 1.
	Shards int
	// Now is this machine's clock; nil for the real one.
	Now func() time.Time
	// Credentials looks credentials up, and names their source.
	Credentials func(context.Context) (source string, err error)
	// Accounts are the same for further accounts, by their names.
	Accounts map[string]func(context.Context) (source string, err error)
	// Endpoint of the API, a URL.
	Endpoint string
	// Reach has it answer, over the way that calls take, without calling an action. With an error, Via
	// may be known all the same.
	Reach func(context.Context) (Reached, error)
	// Recordings names the store of recordings, and says why it cannot be
	// used; nil where there is none.
	Recordings func(context.Context) (where string, err error)
	// Settings is what a worker says of the settings of this machine.
	Settings  error
	Quotas    Quotas
	Receipts  Receipts
	Callbacks Callbacks
	Tokens    Tokens
}

// examination is one run of all checks, and what they share.
type examination struct {
	Config

	node  string            // of a cluster, "" where Redis is none
	info  map[string]string // of INFO
	queue *tasks.Queue

	reached   Reached // by endpoint, for apiClock
	reachedAt time.Time
}

// check is one of them. Its error is Redis': what Redis refuses to tell is a finding, too.
type check struct {
	name string
	run  func(*examination, context.Context) ([]Finding, error)
}

// ofServer are of each master.
var ofServer = []check{
	{
		"redis",
		(*examination).server,
	},
	{"eviction", (*examination).eviction},
	{"persistence", (*examination).persistence},
	{"memory", (*examination).memory},
	{"clock", (*examination).clock},
}

var ofRedis = []check{
	{
		"proxy",
		(*examination).proxy,
	},
	{"queues", (*examination).queues},
	{"shards", (*examination).shards},
	{
		"workers",
		(*examination).workers,
	},
	{"agreement", (*examination).agreement},
	{"active", (*examination).active},
	{
		"archive",
		(*examination).archive,
	},
	{"uncertain", (*examination).uncertain},
	{"undecryptable", (*examination).undecryptable},
	{"numbers", (*examination).numbers},
	{
		"accounts",
		(*examination).accounts,
	},
	{"quota", (*examination).quota},
	{"breakers", (*examination).breakers},
	{"groups", (*examination).groups},
	{"receipts", (*examination).receipts},
	{"callbacks", (*examination).callbacks},
	{"keys", (*examination).seals},
}

var ofMachine = []check{
	{
		"credentials",
		(*examination).credentials,
	},
	{"endpoint", (*examination).endpoint},
	{"apiclock", (*examination).apiClock},
	{"recordings", (*examination).recordings},
	{"settings", (*examination).settings},
	{"tokens", (*examination).tokens},
	{"receiver", (*examination).receiver},
	{"pulling", (*examination).pulling},
}

// Run makes every check, and reports each finding as it is made. Its error is
// [tasks.ErrUnreachable], after the checks that need no Redis were made all the same, or ctx's.
func Run(ctx context.Context, c Config, report func(Finding)) error {
	if c.Now == nil {
		c.Now = time.Now
	}
	queue, err := tasks.New(tasks.Config{Client: c.Redis, Shards: c.Shards, Keys: c.Keys})
	if err != nil {
		return err
	}
	e := &examination{Config: c, queue: queue}
	defer func() { _ = e.queue.Close() }()
	told := report
	report = func(f Finding) { // remedies follow a stop of their own
		f.Found = strings.TrimRight(f.Found, ". ")
		told(f)
	}
	away := e.redis(ctx, report)
	if refused, is := refusal.Of(away); is && ctx.Err() == nil {
		report(found("redis", "%s (%s)", refused.Says, refused.Code).but(Loses, refused.Remedy))
		away = nil
	}
	if away != nil && ctx.Err() == nil {
		report(
			found(
				"redis",
				"out of reach: %s",
				reason(away),
			).but(Warning, "start it, or mend REDIS_URL, the network or the password"),
		)
	}
	for _, check := range ofMachine {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_ = e.make(ctx, check, report)
	}
	return away
}

// redis makes the checks of each server, and of what is in them all, until one finds that Redis is
// away.
func (e *examination) redis(ctx context.Context, report func(Finding)) error {
	if err := e.queue.Ping(ctx); err != nil {
		refused, is := refusal.Of(err)
		if !is || e.Redis.Info(ctx).Err() != nil {
			return err
		}
		// It tells of itself all the same, as one that takes no writes does.
		report(found("redis", "%s (%s)", refused.Says, refused.Code).but(Loses, refused.Remedy))
	}
	servers, err := e.servers(ctx)
	if err != nil {
		return err
	}
	for _, server := range servers {
		for _, check := range ofServer {
			if err := server.make(ctx, check, report); err != nil {
				return err
			}
		}
	}
	for _, check := range ofRedis {
		if err := e.make(ctx, check, report); err != nil {
			return err
		}
	}
	return nil
}

// make makes one check. Its error is that Redis did not answer.
func (e *examination) make(ctx context.Context, c check, report func(Finding)) error {
	findings, err := c.run(e, ctx)
	for _, f := range findings {
		f.Check = c.name
		if e.node != "" {
			f.Found = e.node + ": " + f.Found
		}
		report(f)
	}
	known, is := refusal.Of(err)
	answered, refused := errors.AsType[redis.Error](err)
	switch {
	case is && known == errSentinel:
		return err
	case is && !strings.HasPrefix(known.Code, "unknown command") && known.Code != "NOPERM":
		report(found(c.name, "%s (%s)", known.Says, known.Code).but(Loses, known.Remedy))
		return nil
	case refused:
		report(
			found(
				c.name,
				"Redis does not tell: %s",
				answered.Error(),
			).but(Warning, "let this user ask, or look yourself"),
		)
		return nil
	case err != nil && !errors.Is(err, tasks.ErrUnreachable):
		return tasks.RedisError(err)
	}
	return err
}

// reason is an error in one line, without the words that stand beside it.
func reason(err error) string {
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		if joined, ok := cause.(interface{ Unwrap() []error }); ok {
			if parts := joined.Unwrap(); len(parts) > 0 {
				return parts[len(parts)-1].Error()
			}
		}
	}
	return err.Error()
}
