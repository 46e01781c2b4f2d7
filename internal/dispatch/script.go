package dispatch

import (
	"context"
	"errors"
	"net"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/announce"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// The scripts of asynq v0.26.0 that make a delivery, by their SHA-1. What asynq does otherwise is
// left to asynq.
const (
	enqueueSHA  = "98d28b42650870a743450ffda9791e9e19c6991b"
	scheduleSHA = "8ce6b38a99b73194585c251eb3c2a89559f37a87"
)

// commands are what makes one delivery of a task, in one round trip: asynq's script, as asynq would
// send it, and what goes with it.
type commands struct {
	script   *asynqScript // nil where asynq has another one by now
	keys     []string
	args     []any
	announce announce.Announcement // follows the script
}

// commands assembles what makes a delivery, in a queue. Whatever is to be told to others in the
// same round trip belongs here.
func (d *Dispatcher) commands(
	ctx context.Context,
	queue string,
	delivery Delivery,
) (commands, error) {
	if err := d.nameQueue(ctx, queue); err != nil {
		return commands{}, err
	}
	if script := d.scripts[enqueueSHA]; script != nil && script.spelled &&
		!delivery.At.After(d.Now()) {
		made := spell(queue, delivery)
		made.script = script
		made.announce = announce.Of(d.Redis, queue, time.Time{})
		return made, nil
	}
	noted := &scribe{UniversalClient: nowhere()}
	_, err := asynq.NewClientFromRedisClient(noted).
		EnqueueContext(ctx, delivery.task(), delivery.options(queue, d.Now())...)
	if err != nil {
		return commands{}, nil //nolint:nilerr // asynq asked for something else: it is to do it itself
	}
	var until time.Time
	if noted.sha == scheduleSHA {
		until = delivery.At
	}
	return commands{
		script:   d.scripts[noted.sha],
		keys:     noted.keys,
		args:     noted.args,
		announce: announce.Of(d.Redis, queue, until),
	}, nil
}

// Handover returns what has the first delivery of a new task leave with its record, nil where asynq
// has to make it.
func (d *Dispatcher) Handover(ctx context.Context, delivery Delivery) (*record.Handover, error) {
	queue, _ := d.QueueOf(delivery.Action)
	first, err := d.commands(ctx, d.Place(ctx, queue, delivery.ID), delivery)
	if err != nil || first.script == nil {
		return nil, err
	}
	return &record.Handover{
		Script:  first.script.recording,
		Keys:    first.keys,
		Args:    first.args,
		Channel: first.announce.Channel,
		Message: first.announce.Message,
	}, nil
}

// AnnounceOnce leaves out what is announced again later in the same round trip. A handover may be
// nil.
func AnnounceOnce(trip []*record.Handover) {
	said := map[[2]string]bool{}
	for _, h := range slices.Backward(trip) {
		if h == nil {
			continue
		}
		what := [2]string{h.Channel, h.Message}
		if said[what] {
			h.Channel, h.Message = "", ""
		}
		said[what] = true
	}
}

// nameQueue has asynq know a queue, once.
func (d *Dispatcher) nameQueue(ctx context.Context, queue string) error {
	if _, named := d.named.Load(queue); named {
		return nil
	}
	err := Again(ctx, func() error { return d.Redis.SAdd(ctx, asynqwire.Queues, queue).Err() })
	if err == nil {
		d.named.Store(queue, true)
	}
	return err
}

// asynqScript is a script of asynq's, by itself and as a part of the one that records.
type asynqScript struct {
	alone     *redis.Script
	recording *record.HandoverScript
	spelled   bool // spell says what asynq would send
}

// asynqScripts are the scripts that make deliveries, by their SHA-1: those of the asynq that is
// linked, where it is the one that is known.
var asynqScripts = sync.OnceValue(func() map[string]*asynqScript {
	known := map[string]*asynqScript{}
	for _, at := range []time.Time{{}, time.Now().Add(time.Hour)} {
		noted := &scribe{UniversalClient: nowhere(), whole: true}
		_, err := asynq.NewClientFromRedisClient(noted).
			Enqueue(asynq.NewTask("a", nil), asynq.TaskID("id"), asynq.ProcessAt(at))
		alone := redis.NewScript(noted.source)
		if sha := alone.Hash(); err == nil && (sha == enqueueSHA || sha == scheduleSHA) {
			known[sha] = &asynqScript{alone: alone, recording: record.NewHandoverScript(noted.source)}
		}
	}
	if script := known[enqueueSHA]; script != nil {
		script.spelled = spelledAsAsynq()
	}
	return known
})

// spell says what asynq's script is given for a delivery that is due, at a tenth of what asking
// asynq takes.
func spell(queue string, delivery Delivery) commands {
	id, wire := asynqwire.DeliveryID(delivery.ID, delivery.Number), asynqwire.Queue(queue)
	message := asynqwire.Message{
		Type:    asynqwire.TypePrefix + delivery.Action,
		Payload: asynqwire.NewPayload(delivery.ID, delivery.Account).Encode(),
		ID:      id, Queue: queue, Retry: maxRetry, Timeout: Timeout,
	}
	return commands{
		keys: []string{wire.Task(id), wire.Key(asynqwire.Pending)},
		args: []any{message.Encode(), id, time.Now().UnixNano()},
	}
}

// spelledAsAsynq reports whether spell and the asynq that is linked agree about some delivery.
func spelledAsAsynq() bool {
	const queue = "bind"
	delivery := Delivery{Action: "BindAxn", ID: "id", Account: "shop", Number: 1}
	noted := &scribe{UniversalClient: nowhere()}
	_, err := asynq.NewClientFromRedisClient(noted).
		Enqueue(delivery.task(), delivery.options(queue, time.Now())...)
	ours := spell(queue, delivery)
	since := len(ours.args) - 1 // a time
	if err != nil || noted.sha != enqueueSHA || len(noted.args) != len(ours.args) {
		return false
	}
	_, isTime := noted.args[since].(int64)
	return isTime && slices.Equal(noted.keys, ours.keys) &&
		reflect.DeepEqual(noted.args[:since], ours.args[:since])
}

// scribe is a client that notes which script asynq would send, and sends nothing.
type scribe struct {
	redis.UniversalClient // that leads nowhere

	whole  bool // ask for the source
	sha    string
	source string
	keys   []string
	args   []any
}

// SAdd implements [redis.Cmdable]: asynq names a queue, see nameQueue.
func (*scribe) SAdd(ctx context.Context, _ string, _ ...any) *redis.IntCmd {
	return redis.NewIntCmd(ctx)
}

// EvalSha implements [redis.Cmdable].
func (s *scribe) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	s.sha, s.keys, s.args = sha, keys, args
	cmd := redis.NewCmd(ctx)
	if s.whole {
		cmd.SetErr(errUnknownScript)
	} else {
		cmd.SetVal(int64(1))
	}
	return cmd
}

// Eval implements [redis.Cmdable]. asynq calls it when Redis does not know a script's hash.
func (s *scribe) Eval(ctx context.Context, source string, _ []string, _ ...any) *redis.Cmd {
	s.source = source
	cmd := redis.NewCmd(ctx)
	cmd.SetVal(int64(1))
	return cmd
}

// errUnknownScript is Redis' reply to the hash of a script that it does not know.
var errUnknownScript error = redis.Error(unknownScriptError{})

type unknownScriptError struct{}

func (unknownScriptError) Error() string { return "NOSCRIPT" }
func (unknownScriptError) RedisError()   {}

// nowhere is a client without a Redis: whatever it is asked fails.
var nowhere = sync.OnceValue(func() redis.UniversalClient {
	return redis.NewClient(
		&redis.Options{MaxRetries: -1, Dialer: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("this client sends nothing")
		}},
	)
})
