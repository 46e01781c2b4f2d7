package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
	"github.com/seed-5c07c2e9/dyplsq/bench/handrolled"
	"github.com/seed-5c07c2e9/dyplsq/bench/rig"
)

const (
	plainName = "plain handler"
	// steadyPushes are those a second of a steady load.
	steadyPushes  = 500
	pushersAtOnce = 32
	redisStops    = 10 * time.Second
	// platformWaits is how long the platform waits for an answer, and answersWithin what is wanted of
	// all but one of a thousand.
	platformWaits = 700 * time.Millisecond
	answersWithin = 200 * time.Millisecond
	// drainsWithin is long: a handler that only enqueues takes in more than its tasks keep up with.
	drainsWithin = 5 * time.Minute
	callPrefix   = "dypls:call:{"
)

// intake is what a receiver did with pushes.
type intake struct {
	rate            float64 // receipts a second, taken in and merged
	receiver, store float64 // CPU, microseconds a receipt
	steady, stopped answers
	lost            int // that were answered with OK, and are in no call
}

// receipts measures receivers of pushes: as fast as they can, at a steady pace, and while Redis
// stands still.
func (b *bench) receipts(ctx context.Context) (section, error) {
	var found section
	all := map[string][]intake{}
	names := []string{oursName, plainName}
	for round := range b.roundsOr(1) {
		for i := range names {
			name := names[(i+round)%len(names)]
			in, err := b.intake(ctx, name)
			if err != nil {
				return found, fmt.Errorf("%s: %w", name, err)
			}
			all[name] = append(all[name], in)
		}
	}
	table := figure.Table{Head: []string{
		"", "receipts/s", "receiver CPU µs", "Redis CPU µs", "p50 ms", "p99 ms", "p99.9 ms", "longest ms",
		"longest while Redis stands still ms", "OK, and in no call at the end",
	}}
	group := figure.Group{Name: "receipts/s, taken in and merged"}
	for _, name := range names {
		of := func(of func(intake) float64) float64 {
			values := make([]float64, len(all[name]))
			for i, in := range all[name] {
				values[i] = of(in)
			}
			return figure.Median(values)
		}
		ms := func(taken func(intake) time.Duration) string {
			return figure.Format(of(func(in intake) float64 { return taken(in).Seconds() * 1000 }), 1)
		}
		rate := of(func(in intake) float64 { return in.rate })
		table.Add(name, figure.Format(rate, 0),
			figure.Format(of(func(in intake) float64 { return in.receiver }), 0),
			figure.Format(of(func(in intake) float64 { return in.store }), 0),
			ms(func(in intake) time.Duration { return in.steady.percentile(50) }),
			ms(func(in intake) time.Duration { return in.steady.percentile(99) }),
			ms(func(in intake) time.Duration { return in.steady.percentile(99.9) }),
			ms(func(in intake) time.Duration { return in.steady.longest() }),
			ms(func(in intake) time.Duration { return in.stopped.longest() }),
			figure.Format(of(func(in intake) float64 { return float64(in.lost) }), 0))
		group.Bars = append(group.Bars, figure.Bar{Name: name, Value: rate})
	}
	found.groups = append(found.groups, group)
	found.text = tableText(table) + fmt.Sprintf("\nOne receiver, which takes pushes in and merges them; Redis appends to a file and syncs it at every write. "+
		"Receipts a second: %d connections push SecretReports, one in each push, as fast as they are answered; until all are merged, for a minute at most: what is not by then does not count. "+
		"Percentiles: of the answers to %d pushes a second for %s, from when each was sent. Then Redis is stopped for %s under the same load.\n",
		pushersAtOnce, steadyPushes, b.window, b.stops())
	b.claimReceipts(all[oursName])
	return found, nil
}

func (b *bench) stops() time.Duration {
	if b.short {
		return time.Second
	}
	return redisStops
}

func (b *bench) drainsWithin() time.Duration {
	if b.short {
		return drainsWithin / 10
	}
	return drainsWithin
}

func (b *bench) claimReceipts(ours []intake) {
	var slowest, longest time.Duration
	lost := 0
	for _, in := range ours {
		slowest, longest = max(slowest, in.steady.percentile(99.9)), max(longest, in.stopped.longest())
		lost += in.lost
	}
	claimTime := func(what string, got, want time.Duration) {
		b.claims = append(b.claims, claim{
			"receipts: " + what, "below " + figure.Milliseconds(want), figure.Milliseconds(got), got < want,
		})
	}
	claimTime(fmt.Sprintf("p99.9 of the answers to %d pushes a second, ms", steadyPushes), slowest, answersWithin)
	claimTime("longest answer while Redis stands still, ms", longest, platformWaits)
	b.claims = append(
		b.claims, claim{"receipts: answered with OK and lost", "0", fmt.Sprint(lost), lost == 0},
	)
}

// receiver is a program that takes in pushes.
type receiver struct {
	*rig.Process
	redis *rig.Redis
	url   string
	key   func(call string) string
	// left counts what is taken in and not merged
	left func(ctx context.Context) (int64, error)
}

func (b *bench) intake(ctx context.Context, name string) (in intake, err error) {
	store, err := rig.StartRedis(ctx, true, "--appendfsync", "always")
	if err != nil {
		return in, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	r, remove, err := b.receiver(name, store)
	if err != nil {
		return in, err
	}
	defer remove()
	defer r.Stop()
	load := newPushing(r.url, b.seed(), report)
	if err := load.awaitOpen(ctx, r.Err); err != nil {
		return in, err
	}
	if err := b.asFastAsItCan(ctx, r, load, &in); err != nil {
		return in, err
	}
	if in.steady, err = load.pace(ctx, steadyPushes, b.window); err != nil {
		return in, err
	}
	if err := syscall.Kill(store.PID(), syscall.SIGSTOP); err != nil {
		return in, err
	}
	in.stopped, err = load.pace(ctx, steadyPushes, b.stops())
	if err = errors.Join(err, syscall.Kill(store.PID(), syscall.SIGCONT), r.Err()); err != nil {
		return in, err
	}
	if err := r.drained(ctx, b.drainsWithin()); err != nil && !errors.Is(err, errLeft) { // what is left is missing
		return in, err
	}
	in.lost, err = r.missing(ctx, load.acknowledged())
	b.progressf("receipts: %s: %.0f/s, p99.9 %s, longest without Redis %s, %d lost", name, in.rate, in.steady.percentile(99.9), in.stopped.longest(), in.lost)
	return in, err
}

// seed tells the calls of one run of this program from another's.
func (b *bench) seed() string { return fmt.Sprint(b.started.UnixMilli()) }

func (b *bench) asFastAsItCan(ctx context.Context, r *receiver, load *pushing, in *intake) error {
	used := func() (receiver, store time.Duration, err error) {
		receiver, err1 := rig.CPU(r.PID())
		store, err2 := rig.CPU(r.redis.PID())
		return receiver, store, errors.Join(err1, err2)
	}
	receiver, store, err := used()
	if err != nil {
		return err
	}
	began := time.Now()
	n, err := load.saturate(ctx, pushersAtOnce, b.window)
	if err != nil {
		return err
	}
	if err := r.drained(ctx, b.drainsWithin()); err != nil && !errors.Is(err, errLeft) {
		return err
	}
	left, err := r.left(ctx) // of a handler that tries again minutes later what failed under load
	if err != nil {
		return err
	}
	n -= int(left)
	took := time.Since(began)
	receiverAfter, storeAfter, err := used()
	if err != nil {
		return err
	}
	in.rate = figure.Ratio(float64(n), took.Seconds())
	in.receiver = figure.Ratio(float64((receiverAfter - receiver).Microseconds()), float64(n))
	in.store = figure.Ratio(float64((storeAfter - store).Microseconds()), float64(n))
	return nil
}

// receiver starts one on a Redis.
func (b *bench) receiver(name string, store *rig.Redis) (r *receiver, remove func(), err error) {
	addr, err := rig.FreeAddress()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "bench-receiver-")
	if err != nil {
		return nil, nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	const secret = "the-secret-of-this-measurement"
	r = &receiver{redis: store, url: "http://" + addr + "/receipts/" + secret + "/SecretReport"}
	var cmd *exec.Cmd
	if name == oursName {
		file := filepath.Join(dir, "secret")
		if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
			remove()
			return nil, nil, err
		}
		cmd = exec.Command(
			b.program, "receive", "--receipts-listen", addr, "--receipts-secret-file", file,
		)
		cmd.Env = []string{"REDIS_URL=redis://" + store.Addr + "/0"}
		r.key = func(call string) string { return callPrefix + call + "}" }
		r.left = func(ctx context.Context) (int64, error) {
			return store.Client.XLen(ctx, "dypls:receipts").Result()
		}
	} else {
		if cmd, err = contender.PlainReceiver(
			contender.Site{Redis: store.Addr, Listen: addr},
		); err != nil {
			remove()
			return nil, nil, err
		}
		r.key = func(call string) string { return handrolled.CallPrefix + call }
		r.left = func(ctx context.Context) (int64, error) { return asynqLeft(ctx, store) }
	}
	if r.Process, err = rig.Start(cmd, syscall.SIGTERM); err != nil {
		remove()
		return nil, nil, err
	}
	return r, remove, nil
}

func asynqLeft(ctx context.Context, store *rig.Redis) (n int64, err error) {
	const queue = "asynq:{default}:"
	for _, list := range []string{"pending", "active"} {
		of, err := store.Client.LLen(ctx, queue+list).Result()
		if err != nil {
			return 0, err
		}
		n += of
	}
	retries, err := store.Client.ZCard(ctx, queue+"retry").Result()
	return n + retries, err
}

var errLeft = errors.New("not everything that was taken in is merged")

// drained waits until all is merged.
func (r *receiver) drained(ctx context.Context, within time.Duration) error {
	for began := time.Now(); time.Since(began) < within; {
		left, err := r.left(ctx)
		if err != nil {
			return err
		}
		if left == 0 {
			return nil
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return errLeft
}

// missing counts the calls that are not there.
func (r *receiver) missing(ctx context.Context, ids []string) (n int, err error) {
	const page = 1000
	for start := 0; start < len(ids); start += page {
		some := ids[start:min(start+page, len(ids))]
		keys := make([]string, len(some))
		for i, id := range some {
			keys[i] = r.key(id)
		}
		there, err := r.redis.Client.Exists(ctx, keys...).Result()
		if err != nil {
			return n, err
		}
		n += len(some) - int(there)
	}
	return n, nil
}
