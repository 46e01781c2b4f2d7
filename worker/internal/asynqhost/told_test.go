package asynqhost

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/internal/announce"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// listening returns a world that hears what is announced.
func listening(t *testing.T, server *redistest.Server) world {
	t.Helper()
	w := newWorldOn(t, server, map[string]int{"q": 10})
	w.Listen()
	t.Cleanup(func() { _ = w.Close(context.WithoutCancel(t.Context())) })
	w.awaitHears(t, hearsAll)
	return w
}

func (w world) awaitHears(t *testing.T, want hears) {
	t.Helper()
	w.awaitHearsOf(t, "q", want)
}

func (w world) awaitHearsOf(t *testing.T, queue string, want hears) {
	t.Helper()
	q, _ := w.queue(queue)
	redistest.Poll(t, within, "announcements to be heard, or not", func(context.Context) error {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.hears != want {
			return errors.New("not yet")
		}
		return nil
	})
}

// await returns the id of the task that a Server which asks over and over is given.
func (w world) await(t *testing.T) string {
	t.Helper()
	got := ""
	redistest.Poll(t, within, "a task", func(context.Context) error {
		if got = w.dequeue(t, "q"); got == "" { //nolint:contextcheck // the test's own
			return errors.New("not yet")
		}
		return nil
	})
	return got
}

func (w world) announces(t *testing.T, queue string) {
	t.Helper()
	if err := w.plain.Do(t.Context(), announce.Command(w.plain, queue, time.Time{})...).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestIdleQueueIsNotAsked: while announcements are heard, many empty answers cost Redis hardly a
// script, and an announcement ends the wait of a question that is under way.
func TestIdleQueueIsNotAsked(t *testing.T) {
	t.Parallel()
	w := listening(t, redistest.Start(t))
	w.scriptsKnown(t)
	before := w.scripts(t)
	began := time.Now()
	const questions = 3
	for range questions {
		if id := w.dequeue(t, "q"); id != "" {
			t.Fatalf("got task %s of an empty queue", id)
		}
	}
	// on hearing, once more for what it may have missed, and now and then
	atMost := 3 + int(time.Since(began)/askSeldom)
	if n := w.scripts(t) - before; n > atMost {
		t.Errorf("%d questions cost %d scripts, want at most %d", questions, n, atMost)
	}
	got := make(chan string, 1)
	go func() { got <- w.await(t) }()
	w.enqueue(t, "q", 1)
	w.announces(t, "q")
	if id := <-got; id != "0" {
		t.Errorf("got %q", id)
	}
}

// TestUnannouncedTaskIsFound: producers that announce nothing, such as asynq's own client, are
// served by the safety net.
func TestUnannouncedTaskIsFound(t *testing.T) {
	t.Parallel()
	w := listening(t, redistest.Start(t))
	w.dequeue(t, "q")
	w.enqueue(t, "q", 1)
	if id := w.await(t); id != "0" {
		t.Errorf("got %q", id)
	}
}

// TestLostSubscriptionIsReplacedByQuestions: nothing is heard, so that the queue is asked often.
func TestLostSubscriptionIsReplacedByQuestions(t *testing.T) {
	t.Parallel()
	w := listening(t, redistest.Start(t))
	w.dequeue(t, "q")
	if err := w.plain.Do(t.Context(), "client", "kill", "type", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	q, _ := w.queue("q")
	w.awaitHears(t, hearsNothing)
	q.mu.Lock()
	every, more := q.askEvery(), q.more
	q.mu.Unlock()
	if every > time.Second || !more {
		t.Errorf("asked every %s, at once %t", every, more)
	}
	w.enqueue(t, "q", 1)
	if id := w.await(t); id != "0" {
		t.Errorf("got %q", id)
	}
	w.awaitHears(t, hearsAll)
}

// TestQueueThatCameLaterIsHeard: a queue that shares its channel with others, as each shard of one
// does, is heard as they are, whenever it came, and asked as seldom.
func TestQueueThatCameLaterIsHeard(t *testing.T) {
	t.Parallel()
	w := listening(t, redistest.Start(t))
	w.Share("q.1", "q")
	w.awaitHearsOf(t, "q.1", hearsAll)
	if err := w.plain.Do(t.Context(), "client", "kill", "type", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	w.awaitHearsOf(t, "q.1", hearsNothing)
	w.Share("q.2", "q")
	for _, queue := range []string{"q", "q.1", "q.2"} {
		w.awaitHearsOf(t, queue, hearsAll)
	}
}

// TestCloseEndsAWait: a Server that waits for a task is answered at once when the process ends.
func TestCloseEndsAWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int{"q": 10})
	w.dequeue(t, "q")
	q, _ := w.queue("q")
	q.mu.Lock()
	q.hears, q.more = hearsAll, false
	q.mu.Unlock()
	answered := make(chan bool, 1)
	go func() { answered <- q.await(context.WithoutCancel(t.Context()), time.Now()) }()
	w.close(t)
	if <-answered {
		t.Error("Redis is to be asked after the end")
	}
	if id := w.dequeue(t, "q"); id != "" {
		t.Errorf("got task %s after the end", id)
	}
}

// TestDelayedTasksAreMovedWhenDue: asynq's question for what is due reaches Redis when it is, and
// not before; what it moves is fetched at once, and announced.
func TestDelayedTasksAreMovedWhenDue(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w := listening(t, server)
	told := server.Client(t).Subscribe(t.Context(), "dypls:pending")
	t.Cleanup(func() { _ = told.Close() })
	if _, err := told.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	forwards := func() { w.run(t.Context(), forwarding("q", time.Now())) }
	forwards()
	w.scriptsKnown(t)
	before := w.scripts(t)
	for range 50 {
		forwards()
	}
	if n := w.scripts(t) - before; n > 2 {
		t.Errorf("an empty set cost %d scripts in 50 questions", n)
	}
	due := time.Now().Add(time.Hour)
	client := asynq.NewClientFromRedisClient(w.plain)
	if _, err := client.EnqueueContext(t.Context(), asynq.NewTask("kind", nil), asynq.Queue("q"), asynq.TaskID("later"), asynq.ProcessAt(due)); err != nil {
		t.Fatal(err)
	}
	q, _ := w.queue("q")
	q.tell(due)
	w.run(t.Context(), forwarding("q", due.Add(-time.Minute)))
	if id := w.pending(t, "q"); len(id) != 0 {
		t.Errorf("moved %s before it is due", id)
	}
	w.run(t.Context(), forwarding("q", due))
	if id := w.await(t); id != "later" {
		t.Errorf("got %q", id)
	}
	if m, err := told.ReceiveMessage(t.Context()); err != nil || m.Payload != "q" {
		t.Errorf("announced %+v, %v", m, err)
	}
}

// forwarding is asynq's script that moves what is due.
func forwarding(queue string, now time.Time) script {
	k := asynqwire.Queue(queue)
	return script{
		sha: forwardSHA, source: asynqForward, keys: []string{k.Key(asynqwire.Scheduled), k.Key(asynqwire.Pending)},
		args: []any{now.Unix(), k.Task(""), now.UnixNano(), k.Key("g:")},
	}
}

const asynqForward = `
local ids = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", ARGV[1], "LIMIT", 0, 100)
for _, id in ipairs(ids) do
	local taskKey = ARGV[2] .. id
	redis.call("LPUSH", KEYS[2], id)
	redis.call("ZREM", KEYS[1], id)
	redis.call("HSET", taskKey, "state", "pending", "pending_since", ARGV[3])
end
return table.getn(ids)`
