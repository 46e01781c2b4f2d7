package reaper

import (
	"context"
	_ "embed" // the script
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

var (
	//go:embed lua/status.lua
	statusLua    string
	statusScript = redis.NewScript(statusLua)
)

// How a delivery stands beside asynq's states: its hash is gone, or has no message.
const (
	gone    = "gone"
	empty   = "empty"
	foreign = "foreign" // of an action that this version does not know
)

// leaseGrace is added to a lease by the clock of another process.
const leaseGrace = 10 * time.Second

// status is how a record's delivery stands.
type status struct {
	queue string
	state string
	at    time.Time // the end of its lease, or when it is due
}

// live reports whether the delivery will be performed, or is, and when to look again.
func (s status) live(now moment, o record.Open) (time.Time, bool) {
	switch s.state {
	case foreign:
		return now.redis.Add(visitLate), true
	case asynqwire.Pending:
		return now.redis.Add(visitLate), true
	case asynqwire.Scheduled, asynqwire.Retry:
		return now.onRedis(s.at).Add(visitSoon), !s.at.IsZero()
	case asynqwire.Active: // a run whose claim has lapsed is over, whatever its lease
		return now.redis.Add(visitSoon), !o.State.Running() && s.at.Add(leaseGrace).After(now.own)
	}
	return time.Time{}, false
}

// statuses asks asynq how the latest delivery of each record stands: in the queue where this worker
// would put it and, where it does not live there, in the others of its kind, as whoever put it may
// spread tasks over another number of shards.
func (r *Reaper) statuses(ctx context.Context, now moment, open []record.Open) ([]status, error) {
	statuses := make([]status, len(open))
	var places, others []place
	for i, o := range open {
		kind, known := tasks.Lookup(o.Action)
		if !known {
			statuses[i].state = foreign
			continue
		}
		places = append(places, place{i, r.Dispatch.Place(ctx, kind.Queue(), o.ID)})
	}
	found, err := r.states(ctx, open, places)
	if err != nil {
		return nil, err
	}
	for n, p := range places {
		statuses[p.of] = found[n]
		if _, live := found[n].live(now, open[p.of]); live {
			continue
		}
		kind, _ := tasks.Lookup(open[p.of].Action)
		names, err := r.Dispatch.Elsewhere(ctx, kind.Queue(), p.queue)
		if err != nil {
			return nil, fmt.Errorf("look at deliveries: %w", err)
		}
		for _, name := range names {
			others = append(others, place{p.of, name})
		}
	}
	if found, err = r.states(ctx, open, others); err != nil {
		return nil, err
	}
	for n, p := range others {
		if _, live := found[n].live(now, open[p.of]); live {
			statuses[p.of] = found[n]
		}
	}
	return statuses, nil
}

// place is a queue in which the delivery of a record may be.
type place struct {
	of    int // which record
	queue string
}

// states asks each queue how the latest delivery of a record stands there.
func (r *Reaper) states(ctx context.Context, open []record.Open, places []place) ([]status, error) {
	if len(places) == 0 {
		return nil, nil
	}
	cmds := make([]*redis.Cmd, len(places))
	loaded := map[string]bool{} // queues whose node of Redis knows the script
	_, err := r.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, place := range places {
			o := open[place.of]
			k, id := asynqwire.Queue(place.queue), asynqwire.DeliveryID(o.ID, o.Delivery)
			run := statusScript.EvalSha
			if !loaded[place.queue] {
				loaded[place.queue], run = true, statusScript.Eval
			}
			cmds[i] = run(
				ctx,
				p,
				[]string{
					k.Task(id),
					k.Key(asynqwire.Lease),
					k.Key(asynqwire.Scheduled),
					k.Key(asynqwire.Retry),
				},
				id,
			)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look at deliveries: %w", err)
	}
	statuses := make([]status, len(places))
	for i, cmd := range cmds {
		reply, err := cmd.Slice()
		if err != nil || len(reply) != 2 {
			return nil, fmt.Errorf("look at deliveries: unexpected reply: %w", err)
		}
		statuses[i].queue = places[i].queue
		statuses[i].state, _ = reply[0].(string)
		if at, _ := reply[1].(int64); at > 0 {
			statuses[i].at = time.Unix(at, 0)
		}
	}
	return statuses, nil
}

// quarantine is where messages of a queue are kept that nobody can read: in its slot, so that one
// script moves them.
func quarantine(queue string) string { return "dypls:quarantine:{" + queue + "}" }
