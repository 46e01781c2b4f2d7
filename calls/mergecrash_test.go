package calls

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// dies fails every command from the nth on, as where its process is gone.
type dies struct{ after, n atomic.Int64 }

var errDead = errors.New("the process is dead")

func (*dies) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (d *dies) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if d.n.Add(1) > d.after.Load() {
			cmd.SetErr(errDead)
			return errDead
		}
		return next(ctx, cmd)
	}
}

func (d *dies) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if d.n.Add(1) > d.after.Load() {
			for _, cmd := range cmds {
				cmd.SetErr(errDead)
			}
			return errDead
		}
		return next(ctx, cmds)
	}
}

// TestCrashBetweenAnyTwoSteps: a process that merges dies after each number of its commands; the
// next one leaves the call, the indexes and the changes told as if nothing had happened.
//
//nolint:gocognit // one story, told in order
func TestCrashBetweenAnyTwoSteps(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for after := int64(0); ; after++ {
		client := server.Client(t)
		if err := client.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		s := open(t, server)
		receipts := receiptsOf("c1")
		for _, of := range []dypls.ReceiptType{dypls.TypeSecretReport, dypls.TypeSecretRecording} {
			if err := s.put(t.Context(), pushed{of: of, way: wayHTTP, body: []byte("[" + receipts[of] + "]")}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.group(pushStream, mergeGroup, abandoned).Join(t.Context()); err != nil {
			t.Fatal(err)
		}
		// it was given the pushes, and dies on the way
		streams, err := s.redis.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: mergeGroup, Consumer: consumer, Streams: []string{pushStream, ">"}, Block: -1}).Result()
		if err != nil {
			t.Fatal(err)
		}
		mortal := open(t, server)
		death := &dies{}
		death.after.Store(after)
		mortal.redis.AddHook(death)
		_, failed := mortal.mergeAll(t.Context(), streams[0].Messages)
		lived := failed == nil

		heir := open(t, server)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- heir.Run(ctx) }()
		settled(t, heir)
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		c := get(t, heir, "c1")
		if c.Recording.State != RecordingAnnounced || !c.Answered() || len(c.Raw) != 2 || c.Revision != 2 {
			t.Errorf("after %d commands: %v, revision %d", after, c, c.Revision)
		}
		listed, _, err := heir.List(t.Context(), Filter{TaskID: "order-c1"})
		if err != nil || len(listed) != 1 {
			t.Errorf("after %d commands: %d calls of the task, %v", after, len(listed), err)
		}
		changes, err := client.XRange(t.Context(), changeStream, "-", "+").Result()
		told := map[any]bool{}
		for _, e := range changes {
			told[e.Values[fieldRevision]] = true
		}
		if err != nil || !told["2"] {
			t.Errorf("after %d commands: told %v, %v", after, changes, err)
		}
		if pending, err := client.XPending(t.Context(), pushStream, mergeGroup).Result(); err != nil || pending.Count != 0 {
			t.Errorf("after %d commands: %v are left, %v", after, pending, err)
		}
		if lived {
			if after < 8 {
				t.Errorf("only %d commands: the test does not see them", after)
			}
			return
		}
		if after > 100 {
			t.Fatal("it never ends")
		}
	}
}
