package autopipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

var echo = redis.NewScript(`return ARGV[1]`)

// TestWhatWaitsSharesAPipeline: what comes while Redis is busy leaves together, and each caller
// gets its own reply.
func TestWhatWaitsSharesAPipeline(t *testing.T) {
	t.Parallel()
	const callers = 50
	w := newWorld(t)
	echo.Load(t.Context(), w.plain)
	release := w.holdSenders(t)
	var calling sync.WaitGroup
	for i := range callers {
		calling.Go(func() {
			want := fmt.Sprint("reply ", i)
			if got, err := echo.Run(t.Context(), w.shared, nil, want).Text(); got != want || err != nil {
				t.Errorf("caller %d got %q, %v", i, got, err)
			}
		})
	}
	w.pollWaiting(t, callers)
	release()
	calling.Wait()
	if got, want := w.pipelines.pipelines.Load(), int64(senders+1); got != want {
		t.Errorf("%d pipelines, want %d: all that waited in one", got, want)
	}
}

// TestNobodyWaitsForCompany: a command that is alone leaves at once.
func TestNobodyWaitsForCompany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 10 {
		w.shared.Eval(t.Context(), `return 1`, nil)
	}
	if got := w.pipelines.pipelines.Load(); got != 10 {
		t.Errorf("%d pipelines for 10 commands one after the other", got)
	}
	w.poll(t, "the senders to leave", func() bool { return w.sending == 0 })
}

// TestErrorsAreEachCallersOwn: one that fails spoils nothing for the others of its pipeline.
func TestErrorsAreEachCallersOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.plain.Set(ctx, "text", "x", 0)
	release := w.holdSenders(t)
	calls := map[string]struct {
		do   func() (any, error)
		want string // of the reply, or how the error begins
	}{
		"a script":            {func() (any, error) { return w.shared.Eval(ctx, `return 'fine'`, nil).Result() }, "fine"},
		"a script that fails": {func() (any, error) { return w.shared.Eval(ctx, `return redis.error_reply('NOT FOUND')`, nil).Result() }, "NOT FOUND"},
		"an empty reply":      {func() (any, error) { return w.shared.Eval(ctx, `return nil`, nil).Result() }, "redis: nil"},
		"an unknown script":   {func() (any, error) { return w.shared.EvalSha(ctx, strings.Repeat("a", 40), nil).Result() }, "NOSCRIPT"},
		"another type":        {func() (any, error) { return w.shared.HSet(ctx, "text", "f", "v").Result() }, "WRONGTYPE"},
		"a number":            {func() (any, error) { return w.shared.HSet(ctx, "hash", "f", "v").Result() }, "1"},
		"an entry of a stream": {func() (any, error) {
			return w.shared.XAdd(ctx, &redis.XAddArgs{Stream: "s", ID: "7-0", Values: []any{"a", "b"}}).Result()
		}, "7-0"},
		"of a sorted set":       {func() (any, error) { return w.shared.ZAdd(ctx, "z", redis.Z{Score: 1, Member: "m"}).Result() }, "1"},
		"what cannot be sent":   {func() (any, error) { return w.shared.Eval(ctx, `return 1`, nil, make(chan int)).Result() }, "redis: can't marshal"},
		"not a shared command":  {func() (any, error) { return w.shared.Get(ctx, "text").Result() }, "x"},
		"a field that is empty": {func() (any, error) { return w.shared.HGet(ctx, "hash", "none").Result() }, "redis: nil"},
	}
	const apart = 2 // go their own way
	var calling sync.WaitGroup
	for name, call := range calls {
		calling.Go(func() {
			reply, err := call.do()
			got := fmt.Sprint(reply)
			if err != nil {
				got = err.Error()
			}
			if !strings.HasPrefix(got, call.want) {
				t.Errorf("%s: got %q, want %q", name, got, call.want)
			}
		})
	}
	w.pollWaiting(t, len(calls)-apart)
	release()
	calling.Wait()
}

// TestUnknownScriptIsSentWhole: go-redis sends a script by its hash, and whole where Redis does not
// know it.
func TestUnknownScriptIsSentWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		w.plain.ScriptFlush(t.Context())
		var calling sync.WaitGroup
		for i := range 32 {
			calling.Go(func() {
				if got, err := echo.Run(t.Context(), w.shared, nil, i).Int(); got != i || err != nil {
					t.Errorf("got %d, %v, want %d", got, err, i)
				}
			})
		}
		calling.Wait()
	}
}

// TestGroupsKeepTheirOrder: what one Pipelined sends arrives in its order, with nothing between.
func TestGroupsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const groups, each = 200, 3
	w := newWorld(t)
	var calling sync.WaitGroup
	for g := range groups {
		calling.Go(func() {
			cmds, err := w.shared.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				for i := range each {
					p.Eval(t.Context(), `return redis.call('RPUSH', KEYS[1], ARGV[1])`, []string{"log"}, fmt.Sprint(g, ".", i))
				}
				return nil
			})
			if err != nil || len(cmds) != each || cmds[0].(*redis.Cmd).Val() == nil {
				t.Errorf("group %d: %d replies, %v", g, len(cmds), err)
			}
		})
	}
	calling.Wait()
	log := w.plain.LRange(t.Context(), "log", 0, -1).Val()
	if len(log) != groups*each {
		t.Fatalf("%d entries", len(log))
	}
	for group := range slices.Chunk(log, each) {
		for i, entry := range group {
			name, _, _ := strings.Cut(group[0], ".")
			if entry != fmt.Sprint(name, ".", i) {
				t.Fatalf("entries %q are not one group in its order", group)
			}
		}
	}
}

// TestOfAGroupTheFirstErrorIsTold, and every command has its own.
func TestOfAGroupTheFirstErrorIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cmds, err := w.shared.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		p.Eval(t.Context(), `return 1`, nil)
		p.Eval(t.Context(), `return redis.error_reply('MINE first')`, nil)
		p.Eval(t.Context(), `return redis.error_reply('MINE second')`, nil)
		return nil
	})
	if err == nil || err.Error() != "MINE first" || cmds[0].Err() != nil || cmds[2].Err().Error() != "MINE second" {
		t.Errorf("%v: %v", err, cmds)
	}
}

// TestTheRestGoesItsOwnWay: whatever is not shared works as without the hook.
func TestTheRestGoesItsOwnWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	subscription := w.shared.Subscribe(ctx, "channel")
	defer func() { _ = subscription.Close() }()
	if _, err := subscription.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	_, err := w.shared.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, "h", "f", "1")
		p.Publish(ctx, "channel", "told")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if message, err := subscription.ReceiveMessage(ctx); err != nil || message.Payload != "told" {
		t.Errorf("%v, %v", message, err)
	}
	var value *redis.StringCmd
	if _, err = w.shared.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "k", "v", 0)
		value = p.Get(ctx, "k")
		p.LPush(ctx, "list", "item")
		return nil
	}); err != nil || value.Val() != "v" {
		t.Errorf("%q, %v", value.Val(), err)
	}
	if popped, err := w.shared.BLPop(ctx, within, "list").Result(); err != nil || popped[1] != "item" {
		t.Errorf("%q, %v", popped, err)
	}
	if n := w.pipelines.pipelines.Load(); n != 0 {
		t.Errorf("%d shared pipelines", n)
	}
}

// TestLargeGroupsGoByThemselves: they would only hold the others up.
func TestLargeGroupsGoByThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := w.holdSenders(t)
	var calling sync.WaitGroup
	calling.Go(func() {
		cmds, err := w.shared.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for range longest + 1 {
				p.Eval(t.Context(), `return 1`, nil)
			}
			return nil
		})
		if err != nil || len(cmds) != longest+1 {
			t.Errorf("%d replies, %v", len(cmds), err)
		}
	})
	redistest.Poll(t, within, "the group to leave", func(context.Context) error {
		if w.pipelines.pipelines.Load() <= senders {
			return errors.New("not yet")
		}
		return nil
	})
	w.pollWaiting(t, 0)
	release()
	calling.Wait()
}
