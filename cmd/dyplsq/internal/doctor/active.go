package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// lapsedFor is how long a lease must have lapsed: the workers take over what their dead left
	// behind sooner.
	lapsedFor = 2 * time.Minute
	// activeMost bounds how many deliveries of a queue are looked at. Workers cannot perform that many
	// at once.
	activeMost = 10_000
	named      = 3
)

// orphan is a delivery that asynq believes to be performed, and nobody performs.
type orphan struct {
	queue, id string
	gone      bool // its hash is
}

// active finds orphans. What looks like one twice in a row is one: a delivery that ends between two
// commands does not.
func (e *examination) active(ctx context.Context) ([]Finding, error) {
	first, count, err := e.orphans(ctx)
	if err != nil {
		return nil, err
	}
	if len(first) == 0 {
		return []Finding{found("", "%d being performed, no orphan among them", count)}, nil
	}
	second, _, err := e.orphans(ctx)
	if err != nil {
		return nil, err
	}
	var gone, left []string
	for _, o := range second {
		switch {
		case !slices.Contains(first, o):
		case o.gone:
			gone = append(gone, o.id)
		default:
			left = append(left, o.id)
		}
	}
	return e.judge(ctx, gone, left, count)
}

// judge tells orphans whose task goes on from those whose task is lost.
func (e *examination) judge(
	ctx context.Context,
	gone, left []string,
	count int,
) ([]Finding, error) {
	ids := make([]string, len(gone))
	for i, delivery := range gone {
		ids[i] = asynqwire.IDOfDelivery(delivery)
	}
	records, err := record.NewStore(e.Redis).WithKeys(e.Keys).Opened(ctx, ids...)
	if err != nil {
		return nil, err
	}
	var lost []string
	for i, r := range records {
		if r.State == "" {
			lost = append(lost, gone[i])
		}
	}
	gone = slices.DeleteFunc(gone, func(id string) bool { return slices.Contains(lost, id) })
	var findings []Finding
	const keep = "find out what deletes keys (eviction, FLUSHALL, a person); a worker takes the orphans out within seconds: start one"
	if len(lost) > 0 {
		findings = append(
			findings,
			found(
				"",
				"orphaned, and the record of the task is gone too: %s: keys vanish from this Redis",
				list(lost),
			).but(Loses, keep),
		)
	}
	if len(gone) > 0 {
		findings = append(
			findings,
			found(
				"",
				"orphaned, without a message: %s; their records are there",
				list(gone),
			).but(Warning, keep),
		)
	}
	if len(left) > 0 {
		findings = append(findings, found("", "left behind by workers that died: %s", list(left)).
			but(Warning, "a worker takes over within seconds: start one"))
	}
	if findings == nil {
		findings = []Finding{found("", "%d being performed, no orphan among them", count)}
	}
	return findings, nil
}

func (e *examination) orphans(ctx context.Context) (orphans []orphan, count int, err error) {
	now, err := e.Redis.Time(ctx).Result()
	if err != nil {
		return nil, 0, err
	}
	names, err := dispatch.Names(ctx, e.Redis, e.Shards)
	if err != nil {
		return nil, 0, err
	}
	for _, queue := range names {
		some, n, err := e.orphansOf(ctx, queue, now)
		if err != nil {
			return nil, 0, err
		}
		orphans, count = append(orphans, some...), count+n
	}
	return orphans, count, nil
}

func (e *examination) orphansOf(
	ctx context.Context,
	queue string,
	now time.Time,
) (orphans []orphan, count int, err error) {
	var active *redis.StringSliceCmd
	var leases *redis.ZSliceCmd
	_, err = e.Redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		q := asynqwire.Queue(queue)
		active = p.LRange(ctx, q.Key(asynqwire.Active), 0, activeMost-1)
		leases = p.ZRangeWithScores(ctx, q.Key(asynqwire.Lease), 0, -1)
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	held := map[any]bool{}
	for _, z := range leases.Val() {
		held[z.Member] = time.Unix(int64(z.Score), 0).Add(lapsedFor).After(now)
	}
	for _, id := range active.Val() {
		if held[id] {
			continue
		}
		message, err := e.Redis.HExists(ctx, asynqwire.Queue(queue).Task(id), "msg").Result()
		if err != nil {
			return nil, 0, err
		}
		orphans = append(orphans, orphan{queue: queue, id: id, gone: !message})
	}
	return orphans, len(active.Val()), nil
}

// list names some, and counts the others.
func list(ids []string) string {
	if more := len(ids) - named; more > 0 {
		return strings.Join(ids[:named], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(ids, ", ")
}
