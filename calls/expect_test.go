package calls

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// endOf is the receipt of the end of a call that lasted so long, of a
// task's binding, without a link.
func endOf(id, task string, released time.Time, lasted time.Duration) string {
	at := func(t time.Time) string { return dypls.At(t).String() }
	return fmt.Sprintf(`{"pool_key":"FC1","sub_id":1000043068030000,"out_id":%q,"call_id":%q,"call_time":%q,"start_time":%q,"release_time":%q,"release_cause":16,"unconnected_cause":0}`,
		task, id, at(released.Add(-lasted-5*time.Second)), at(released.Add(-lasted)), at(released))
}

// bind enqueues a bind that nobody performs.
func bind(t *testing.T, queue *tasks.Queue, id string, records bool) {
	t.Helper()
	_, err := tasks.BindAXN.Enqueue(t.Context(), queue, dypls.BindAXNRequest{
		PoolKey: "FC1", PhoneNoA: numberA, Expiration: dypls.At(time.Now().Add(time.Hour)), IsRecordingEnabled: records,
	}, tasks.TaskID(id))
	if err != nil {
		t.Fatal(err)
	}
}

// TestUnannouncedRecordingIsExpected: the receipt of an answered call's end alone says by its
// binding whether there should be a recording, as far as the setting goes.
func TestUnannouncedRecordingIsExpected(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	queue, err := tasks.New(tasks.Config{Redis: redisConfig(server)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = queue.Close() })
	bind(t, queue, "records", true)
	bind(t, queue, "silent", false)
	released := time.Now().Add(-time.Minute).Truncate(time.Second)
	const promised, guessed, nothing = "promised", "guessed", "nothing"
	for name, test := range map[string]struct {
		ask    AskRecordings
		task   string
		lasted time.Duration
		want   string
	}{
		"asked to record":                 {AskRecorded, "records", time.Minute, promised},
		"by default":                      {"", "records", time.Minute, promised},
		"not asked to record":             {AskRecorded, "silent", time.Minute, nothing},
		"unknown":                         {AskRecorded, "somebody's own", time.Minute, guessed},
		"no OutId":                        {AskRecorded, "", time.Minute, guessed},
		"too short for a promise":         {AskRecorded, "records", 2 * time.Second, guessed},
		"unanswered":                      {AskRecorded, "records", 0, nothing},
		"every answered call":             {AskAnswered, "silent", time.Minute, promised},
		"every answered call, unanswered": {AskAnswered, "silent", 0, nothing},
		"announced alone":                 {AskAnnounced, "records", time.Minute, nothing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, server, func(c *Config) { c.AskRecordings = test.ask })
			id := strings.ReplaceAll(name, " ", "-")
			mergeOne(t, s, dypls.TypeSecretReport, endOf(id, test.task, released, test.lasted))
			state := RecordingExpected
			if test.want == nothing {
				state = RecordingNone
			}
			if c := get(t, s, id); c.Recording.State != state {
				t.Errorf("state %s, want %s", c.Recording.State, state)
			}
			due, err := s.redis.ZScore(t.Context(), dueKey, id).Result()
			if is := err == nil; is != (test.want != nothing) {
				t.Fatalf("among those that are due: %v", err)
			}
			if want := float64(released.Add(15 * time.Minute).UnixMilli()); test.want != nothing && due != want {
				t.Errorf("due at %f, want %f", due, want)
			}
			claim, err := s.ClaimRecording(t.Context(), RecordingsDue{}, id, time.Minute)
			if err != nil || claim == nil {
				t.Fatalf("%v, %v", claim, err)
			}
			if claim.Guessed != (test.want != promised) {
				t.Errorf("guessed: %t, want %s", claim.Guessed, test.want)
			}
		})
	}
}

// TestCallWithoutRecordingIsSettled: what turns out to have none is left alone when its receipts
// come again, and fetched all the same once a recording is announced.
func TestCallWithoutRecordingIsSettled(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t), func(c *Config) { c.RecordingAfter = time.Millisecond })
	end := endOf("c1", "order-1", time.Now().Add(-time.Minute), time.Minute)
	mergeOne(t, s, dypls.TypeSecretReport, end)
	settle := func() error {
		due, err := s.TakeRecordings(t.Context(), 1, time.Minute)
		if err != nil || len(due.CallIDs) != 1 {
			t.Fatalf("%+v, %v", due, err)
		}
		claim, err := s.ClaimRecording(t.Context(), due, "c1", time.Minute)
		if err != nil || claim == nil {
			t.Fatalf("%v, %v", claim, err)
		}
		return claim.None(t.Context())
	}
	if err := settle(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if c := get(t, s, "c1"); c.Recording.State != RecordingNone || c.Recording.Missing() {
			t.Errorf("%+v", c.Recording)
		}
		if missing, err := s.MissingRecordings(t.Context()); err != nil || missing != (RecordingsMissing{}) {
			t.Errorf("%+v, %v", missing, err)
		}
		mergeOne(t, s, dypls.TypeSecretReport, end)
	}
	mergeOne(t, s, dypls.TypeSecretRecording, receiptsOf("c1")[dypls.TypeSecretRecording])
	if c := get(t, s, "c1"); c.Recording.State != RecordingAnnounced {
		t.Errorf("%+v", c.Recording)
	}
}

// TestAnnouncementOverrulesNone: a recording that is announced while a process finds none is due at
// once.
func TestAnnouncementOverrulesNone(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t), func(c *Config) { c.RecordingAfter = time.Millisecond })
	mergeOne(t, s, dypls.TypeSecretReport, endOf("c1", "order-1", time.Now().Add(-time.Minute), time.Minute))
	due, err := s.TakeRecordings(t.Context(), 1, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	claim, err := s.ClaimRecording(t.Context(), due, "c1", time.Minute)
	if err != nil || claim == nil {
		t.Fatalf("%v, %v", claim, err)
	}
	mergeOne(t, s, dypls.TypeSecretRecording, receiptsOf("c1")[dypls.TypeSecretRecording])
	if err := claim.None(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := get(t, s, "c1"); c.Recording.State != RecordingAnnounced {
		t.Errorf("%+v", c.Recording)
	}
	if due, err = s.TakeRecordings(t.Context(), 1, time.Minute); err != nil || len(due.CallIDs) != 1 {
		t.Errorf("%+v, %v", due, err)
	}
}

// TestExpectedRecordingIsDueAfterItsCall: the wait counts from the end of the call, not from its
// receipt, and goes on where the process ends meanwhile.
func TestExpectedRecordingIsDueAfterItsCall(t *testing.T) {
	t.Parallel()
	const after = time.Hour
	server := redistest.Start(t)
	hour := func(c *Config) { c.RecordingAfter = after }
	released := time.Now().Add(3*time.Second - after).Truncate(time.Second)
	first := open(t, server, hour)
	mergeOne(t, first, dypls.TypeSecretReport, endOf("c1", "order-1", released, time.Minute))
	_ = first.Close()

	s := open(t, server, hour)
	redistest.Poll(t, within, "the recording to be due", func(ctx context.Context) error {
		due, err := s.TakeRecordings(ctx, 1, time.Minute)
		if err == nil && len(due.CallIDs) == 0 {
			err = errors.New("it is not")
		}
		return err
	})
	now, err := s.redis.Time(t.Context()).Result()
	if err != nil || now.Before(released.Add(after)) {
		t.Errorf("due %s before its time, %v", strconv.Quote(released.Add(after).Sub(now).String()), err)
	}
}
