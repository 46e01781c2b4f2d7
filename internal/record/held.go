package record

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// heldKey lists the ids of the tasks that are held as uncertain, so that nobody has to look at
// every record to find them: a sorted set, by when they were told. An id is written there with the
// news of its outcome, before it leaves the index: what cut the one off makes the reaper repeat
// both. Nothing is taken off when a task is settled, which costs the others nothing: whoever reads
// the list compares it with the records, and drops what is held no longer.
const heldKey = "dypls:held"

// Held are the tasks that wait for somebody to settle them.
type Held struct {
	Count int
	Tasks []HeldTask // the longest held first, at most as many as were asked for
}

// HeldTask is one of them.
type HeldTask struct {
	ID      string
	Action  string
	Account string // "" for the worker's own
	Code    string
	Since   time.Time
}

// heldPerTrip is how many records are compared in one round trip.
const heldPerTrip = 500

// Held reads the list, and looks at no more records than it is told to. Count includes those
// beyond, some of which may have been settled since.
func (s Store) Held(ctx context.Context, most int) (Held, error) {
	now, err := s.redis.Time(ctx).Result()
	if err != nil {
		return Held{}, fmt.Errorf("record: held: %w", err)
	}
	listed, err := s.redis.ZRange(ctx, heldKey, 0, int64(most)-1).Result()
	if err != nil {
		return Held{}, fmt.Errorf("record: held: %w", err)
	}
	var held Held
	for ids := range slices.Chunk(listed, heldPerTrip) {
		tasks, settled, err := s.compareHeld(ctx, ids)
		if err != nil {
			return Held{}, err
		}
		held.Tasks = append(held.Tasks, tasks...)
		if err := s.dropHeld(ctx, now, settled); err != nil {
			return Held{}, err
		}
	}
	count, err := s.redis.ZCard(ctx, heldKey).Result()
	if err != nil {
		return Held{}, fmt.Errorf("record: held: %w", err)
	}
	held.Count = max(int(count), len(held.Tasks))
	slices.SortStableFunc(held.Tasks, func(a, b HeldTask) int { return a.Since.Compare(b.Since) })
	return held, nil
}

func (s Store) compareHeld(
	ctx context.Context,
	ids []string,
) (held []HeldTask, settled []string, err error) {
	cmds := make([]*redis.SliceCmd, len(ids))
	_, err = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			cmds[i] = p.HMGet(ctx, Key(id), "state", "action", "code", "finished_at", "account")
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("record: held: %w", err)
	}
	for i, cmd := range cmds {
		r := fieldReader{cmd.Val()}
		if State(r.text(0)) != Uncertain {
			settled = append(settled, ids[i])
			continue
		}
		held = append(
			held,
			HeldTask{
				ID:      ids[i],
				Action:  r.text(1),
				Account: r.text(4),
				Code:    r.text(2),
				Since:   fromMillis(r.integer(3)),
			},
		)
	}
	return held, settled, nil
}

// dropHeld takes settled tasks off the list, save those that were told to be uncertain again since
// the look.
func (s Store) dropHeld(ctx context.Context, look time.Time, settled []string) error {
	if len(settled) == 0 {
		return nil
	}
	args := []any{strconv.FormatInt(look.UnixMilli(), 10)}
	for _, id := range settled {
		args = append(args, id, "")
	}
	if err := s.redis.Eval(ctx, deferLua, []string{heldKey}, args...).Err(); err != nil {
		return fmt.Errorf("record: held: %w", err)
	}
	return nil
}
