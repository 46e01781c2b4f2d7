package asynqhost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

const forgetDay = 4102444800 // 2100-01-01

// asynqDone is asynq's script for a task that is done, v0.26.0.
var asynqDone = redis.NewScript(`
if redis.call("LREM", KEYS[1], 0, ARGV[1]) == 0 then
  return redis.error_reply("NOT FOUND")
end
if redis.call("ZREM", KEYS[2], ARGV[1]) == 0 then
  return redis.error_reply("NOT FOUND")
end
if redis.call("DEL", KEYS[3]) == 0 then
  return redis.error_reply("NOT FOUND")
end
local n = redis.call("INCR", KEYS[4])
if tonumber(n) == 1 then
	redis.call("EXPIREAT", KEYS[4], ARGV[2])
end
local total = redis.call("GET", KEYS[5])
if tonumber(total) == tonumber(ARGV[3]) then
	redis.call("SET", KEYS[5], 1)
else
	redis.call("INCR", KEYS[5])
end
return redis.status_reply("OK")
`)

// doneWorld is a Redis with asynq's queues, and a client that acknowledges many at a time.
type doneWorld struct {
	*Host

	client redis.UniversalClient
	plain  redis.UniversalClient
}

func newDoneWorld(t *testing.T) doneWorld {
	t.Helper()
	server := redistest.Start(t)
	return newDoneWorldOn(server.Client(t), server.Client(t))
}

func newDoneWorldOn(client, plain redis.UniversalClient) doneWorld {
	host := New(client, Config{})
	return doneWorld{Host: host, client: host.Client(), plain: plain}
}

func key(queue, name string) string { return "asynq:{" + queue + "}:" + name }

func id(i int) string { return fmt.Sprintf("task-%d.1", i) }

// activate makes the first n tasks of a queue active.
func (w doneWorld) activate(t *testing.T, queue string, n int) {
	t.Helper()
	_, err := w.plain.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for i := range n {
			p.LPush(t.Context(), key(queue, "active"), id(i))
			p.ZAdd(t.Context(), key(queue, "lease"), redis.Z{Score: forgetDay, Member: id(i)})
			p.HSet(t.Context(), key(queue, "t:"+id(i)), "msg", "message", "state", "active")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// done does what an asynq Server does once a task is done.
func (w doneWorld) done(ctx context.Context, queue string, i int, day string) error {
	return done(ctx, w.client, queue, id(i), day)
}

func done(ctx context.Context, client redis.UniversalClient, queue, id, day string) error {
	keys := []string{
		key(queue, "active"), key(queue, "lease"), key(queue, "t:"+id), key(queue, "processed:"+day), key(queue, "processed"),
	}
	const most = int64(^uint64(0) >> 1)
	return asynqDone.Run(ctx, client, keys, id, forgetDay, most).Err()
}

// left is all that is in Redis, and when it is forgotten.
func left(t *testing.T, client redis.UniversalClient) string {
	t.Helper()
	var all strings.Builder
	for _, name := range slices.Sorted(slices.Values(client.Keys(t.Context(), "*").Val())) {
		fmt.Fprintf(&all, "%s %v %s\n", name, client.ExpireTime(t.Context(), name).Val(), client.Dump(t.Context(), name).Val())
	}
	return all.String()
}

// held has the next script wait until release is called, with the number of tasks that are to wait
// behind it.
func (w doneWorld) held(t *testing.T, queue string) (release func(waiting int)) {
	t.Helper()
	l := w.doneLine(key(queue, "active"))
	l.mu.Lock()
	l.sending = true
	l.mu.Unlock()
	return func(waiting int) {
		redistest.Poll(t, within, "tasks to wait", func(context.Context) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			if len(l.waiting) != waiting {
				return errors.New("not yet")
			}
			return nil
		})
		l.send(w.plain)
	}
}

// scripts is how many EVALSHA Redis was sent.
func (w doneWorld) scripts(t *testing.T) int {
	t.Helper()
	return redistest.Calls(t, w.plain, "evalsha")
}
