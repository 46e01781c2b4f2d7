package asynqhost

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

const within = time.Minute

// world is a Redis with asynq's queues, and a client that fetches ahead.
type world struct {
	*Host

	client redis.UniversalClient // for asynq
	plain  *redis.Client
}

func newWorld(t *testing.T, slots map[string]int) world {
	t.Helper()
	return newWorldOn(t, redistest.Start(t), slots)
}

func newWorldOn(t *testing.T, server *redistest.Server, slots map[string]int) world {
	t.Helper()
	host := New(server.Client(t), Config{Slots: slots})
	return world{Host: host, client: host.Client(), plain: server.Client(t)}
}

// enqueue puts n tasks into a queue, named 0, 1, 2 and so on.
func (w world) enqueue(t *testing.T, queue string, n int) {
	t.Helper()
	client := asynq.NewClientFromRedisClient(w.plain)
	for i := range n {
		if _, err := client.Enqueue(asynq.NewTask("kind", []byte("payload")), asynq.Queue(queue), asynq.TaskID(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
}

// asynqDequeue is asynq's dequeue script, v0.26.0.
//
//nolint:dupword // Lua
var asynqDequeue = redis.NewScript(`
if redis.call("EXISTS", KEYS[2]) == 0 then
	local id = redis.call("RPOPLPUSH", KEYS[1], KEYS[3])
	if id then
		local key = ARGV[2] .. id
		redis.call("HSET", key, "state", "active")
		redis.call("HDEL", key, "pending_since")
		redis.call("ZADD", KEYS[4], ARGV[1], id)
		return redis.call("HGET", key, "msg")
	end
end
return nil`)

// dequeue does what an asynq Server does, and returns the id of the task, or "" for none.
func (w world) dequeue(t *testing.T, queue string) string {
	t.Helper()
	keys := []string{asynqwire.Queue(queue).Key(asynqwire.Pending), asynqwire.Queue(queue).Key(asynqwire.Paused), asynqwire.Queue(queue).Key(asynqwire.Active), asynqwire.Queue(queue).Key(asynqwire.Lease)}
	message, err := asynqDequeue.Run(t.Context(), w.client, keys, time.Now().Add(30*time.Second).Unix(), asynqwire.Queue(queue).Task("")).Text()
	if errors.Is(err, redis.Nil) {
		return ""
	}
	if err != nil || asynqwire.TaskID(message) == "" {
		t.Fatalf("dequeue: %q, %v", message, err)
	}
	return asynqwire.TaskID(message)
}

// perform dequeues, and begins what it got, as the handler does.
func (w world) perform(t *testing.T, queue string) (done func()) {
	t.Helper()
	if w.dequeue(t, queue) == "" {
		t.Fatal("nothing to perform")
	}
	return w.Performing(queue)
}

// scripts is how many EVALSHA Redis was sent.
func (w world) scripts(t *testing.T) int {
	t.Helper()
	return redistest.Calls(t, w.plain, "evalsha")
}

func (w world) pending(t *testing.T, queue string) []string {
	t.Helper()
	return w.plain.LRange(t.Context(), asynqwire.Queue(queue).Key(asynqwire.Pending), 0, -1).Val()
}

func (w world) active(t *testing.T, queue string) int {
	t.Helper()
	return int(w.plain.LLen(t.Context(), asynqwire.Queue(queue).Key(asynqwire.Active)).Val())
}

func (w world) close(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		t.Error(err)
	}
}
