package callbacks

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

var (
	//go:embed lua/create.lua
	createLua string
	//go:embed lua/again.lua
	againLua string
	//go:embed lua/admit.lua
	admitLua string
	//go:embed lua/settle.lua
	settleLua string
	//go:embed lua/release.lua
	releaseLua string

	createScript  = redis.NewScript(createLua)
	againScript   = redis.NewScript(againLua)
	admitScript   = redis.NewScript(admitLua)
	settleScript  = redis.NewScript(settleLua)
	releaseScript = redis.NewScript(releaseLua)
)

var errOddReply = errors.New("callbacks: Redis answered a script with what it cannot")

// store keeps deliveries.
type store struct {
	redis     redis.UniversalClient
	asynq     *asynq.Client
	inspector *asynq.Inspector
	keys      *tasks.Keys // nil to seal nothing
}

func newStore(client redis.UniversalClient, keys *tasks.Keys) store {
	return store{
		client, asynq.NewClientFromRedisClient(client), asynq.NewInspectorFromRedisClient(client), keys,
	}
}

const fieldBody = "body"

// seal returns what is kept of a delivery's body.
func (s store) seal(delivery string, body []byte) any {
	if !s.keys.Seals() || len(body) == 0 {
		return body
	}
	return s.keys.Seal(seal.Place{Key: delivery, Field: fieldBody}, string(body))
}

// texts reads a reply of so many texts or more.
func texts(n int, reply *redis.Cmd) ([]string, error) {
	all, err := reply.Slice()
	if err != nil {
		return nil, err
	}
	list := make([]string, len(all))
	for i, one := range all {
		list[i] = fmt.Sprint(one)
	}
	if len(list) < n {
		return nil, errOddReply
	}
	return list, nil
}

// create makes a delivery, unless it is there, and sees that asynq has it.
func (s store) create(
	ctx context.Context, endpoint string, e event, body []byte, now time.Time,
) error {
	k := keysOf(endpoint)
	reply, err := texts(3, createScript.Run(ctx, s.redis,
		[]string{k.delivery(e.id), k.waiting(), k.queued()},
		e.id, now.UnixMilli(), keepUndelivered.Milliseconds(), string(e.kind),
		s.seal(k.delivery(e.id), body), e.origin))
	if err != nil || reply[2] != "1" {
		return err
	}
	return s.enqueue(ctx, endpoint, e.id, reply[1])
}

// again has a delivery begin anew. Without a body the one that is kept is sent. It reports whether
// it does.
func (s store) again(
	ctx context.Context,
	endpoint, id string,
	kind EventType,
	body []byte,
	now time.Time,
) (bool, error) {
	k := keysOf(endpoint)
	reply, err := texts(2, againScript.Run(ctx, s.redis,
		[]string{
			k.delivery(id), k.waiting(), k.failing(), k.queued(), k.sending(), k.resting(), k.dead(),
		},
		id, now.UnixMilli(), keepUndelivered.Milliseconds(), string(kind), s.seal(k.delivery(id), body)))
	if err != nil || reply[1] == "0" {
		return false, err
	}
	return true, s.enqueue(ctx, endpoint, id, reply[1])
}

// admission says whether a delivery is to be sent.
type admission struct {
	verdict  string // send, early, rest or drop, or hold where the body does not open
	due      time.Time
	body     []byte
	attempts int // that failed
	begun    time.Time
	kind     EventType
	origin   string
	closed   error // why the body does not open
}

func (s store) admit(
	ctx context.Context,
	endpoint, id, round string,
	now time.Time,
	early time.Duration,
) (a admission, err error) {
	k := keysOf(endpoint)
	reply, err := texts(1, admitScript.Run(ctx, s.redis,
		[]string{k.delivery(id), k.state(), k.queued(), k.sending(), k.resting()},
		id, round, now.UnixMilli(), sendLease.Milliseconds(), failuresToRest, early.Milliseconds()))
	if err != nil {
		return a, err
	}
	const whole = 6
	a.verdict = reply[0]
	switch {
	case a.verdict == "early" && len(reply) > 1:
		a.due = instant(reply[1])
	case a.verdict == "send" && len(reply) == whole:
		a.begun, a.kind, a.origin = instant(reply[3]), EventType(reply[4]), reply[5]
		a.attempts, _ = strconv.Atoi(reply[2])
		var body string
		body, a.closed = s.keys.Open(seal.Place{Key: k.delivery(id), Field: fieldBody}, reply[1])
		if a.body = []byte(body); a.closed != nil {
			a.verdict = "hold"
		}
	}
	return a, nil
}

// end is what came of sending a delivery.
type end struct {
	result      string // delivered, failed, gone, dead or cut
	status      int
	err         string
	due         time.Time // when it is sent again
	rest        time.Time // until when the endpoint rests
	keep        time.Duration
	first, last time.Duration // how long an endpoint that fails again and again rests
}

// settle notes it, and reports how often in a row the endpoint has failed, and whether it was
// disabled by this.
func (s store) settle(
	ctx context.Context,
	endpoint, id, round string,
	now time.Time,
	e end,
) (fails int, disabled bool, err error) {
	k := keysOf(endpoint)
	reply, err := texts(3, settleScript.Run(ctx, s.redis,
		[]string{
			k.delivery(id), k.state(), k.waiting(), k.failing(), k.queued(), k.sending(), k.resting(),
			k.dead(),
		},
		id, round, now.UnixMilli(), e.result, e.status, e.err, millis(e.due), millis(e.rest),
		e.keep.Milliseconds(),
		failuresToRest, e.first.Milliseconds(), e.last.Milliseconds()))
	if err != nil {
		return 0, false, err
	}
	fails, err = strconv.Atoi(reply[1])
	return fails, reply[2] == "1", err
}

// release gives a delivery to asynq again.
func (s store) release(ctx context.Context, endpoint, id string, now time.Time) error {
	k := keysOf(endpoint)
	round, err := releaseScript.Run(ctx, s.redis,
		[]string{k.delivery(id), k.waiting(), k.failing(), k.queued(), k.sending(), k.resting()},
		id, now.UnixMilli()).Int64()
	if err != nil || round == 0 {
		return err
	}
	return s.enqueue(ctx, endpoint, id, strconv.FormatInt(round, 10))
}

// enqueue gives a round of a delivery to asynq, once.
func (s store) enqueue(ctx context.Context, endpoint, id, round string) error {
	const mostRetries = 1 << 20 // the record counts
	_, err := s.asynq.EnqueueContext(ctx, asynq.NewTask(taskType, payloadOf(id)),
		asynq.Queue(queueName(endpoint)), asynq.TaskID(id+"."+round), asynq.MaxRetry(mostRetries),
		asynq.Timeout(taskTimeout))
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		return nil
	}
	return err
}

func millis(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

func instant(text string) time.Time {
	ms, err := strconv.ParseFloat(text, 64) // Redis writes large scores so
	if err != nil || ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms))
}
