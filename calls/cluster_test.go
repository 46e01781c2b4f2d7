package calls

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// onCluster is a store on a cluster whose receipts are merged, and where they are pushed to.
func onCluster(t *testing.T) (*Store, *httptest.Server) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts six servers")
	}
	cluster := redistest.StartCluster(t)
	s, err := New(Config{Redis: tasks.RedisConfig{ClusterNodes: cluster.Nodes()}, Keep: setting.Longest})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	run(t, s)
	return s, serve(t, s, HandlerConfig{})
}

// On a cluster the stream, the calls and their indexes are in slots of their own.
func TestCallsOnACluster(t *testing.T) {
	t.Parallel()
	s, server := onCluster(t)
	const n = 30
	for i := range n {
		for of, body := range receiptsOf(fmt.Sprintf("c%d", i)) {
			if status := push(t, server, of, "["+body+"]"); status != http.StatusOK {
				t.Fatalf("status %d", status)
			}
		}
	}
	settled(t, s)
	for i := range n {
		id := fmt.Sprintf("c%d", i)
		if c := get(t, s, id); len(c.Receipts) != 6 || !c.Answered() {
			t.Errorf("%v", c)
		}
		if listed, _, err := s.List(t.Context(), Filter{TaskID: "order-" + id}); err != nil || len(listed) != 1 {
			t.Errorf("%d calls of the task, %v", len(listed), err)
		}
	}
	told := map[string]bool{}
	ctx, stop := context.WithTimeout(t.Context(), within)
	defer stop()
	err := s.Follow(ctx, "billing", func(_ context.Context, c Call) error {
		if told[c.ID] = true; len(told) == n {
			stop()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(told) != n {
		t.Errorf("%d calls were told: %v", len(told), err)
	}
}

// On a cluster a recording's state is in its call's slot, and its place among those that are due in
// another.
func TestRecordingsOnACluster(t *testing.T) {
	t.Parallel()
	s, server := onCluster(t)
	const n = 20
	for i := range n {
		if status := push(t, server, dypls.TypeSecretRecording, "["+receiptsOf(fmt.Sprint("c", i))[dypls.TypeSecretRecording]+"]"); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	settled(t, s)
	due, err := s.TakeRecordings(t.Context(), 2*n, time.Minute)
	if err != nil || len(due.CallIDs) != n {
		t.Fatalf("%d are due, %v", len(due.CallIDs), err)
	}
	if again, err := s.TakeRecordings(t.Context(), 2*n, time.Minute); err != nil || len(again.CallIDs) != 0 {
		t.Errorf("%d are offered twice, %v", len(again.CallIDs), err)
	}
	for i, id := range due.CallIDs {
		claim, err := s.ClaimRecording(t.Context(), due, id, time.Minute)
		if err != nil || claim == nil || claim.Call.ID != id || claim.Link != 1 {
			t.Fatalf("%+v, %v", claim, err)
		}
		if other, err := s.ClaimRecording(t.Context(), due, id, time.Minute); err != nil || other != nil {
			t.Errorf("two have it: %v", err)
		}
		if i%2 == 0 {
			err = claim.Kept(t.Context(), Recording{Location: "file:///a", Bytes: 1, SHA256: "00", Parts: 1})
		} else {
			err = claim.Lost(t.Context(), "gone")
		}
		if err != nil {
			t.Error(err)
		}
		if err := claim.Renew(t.Context(), 2); !errors.Is(err, ErrSuperseded) {
			t.Errorf("a claim that is over goes on: %v", err)
		}
	}
	missing, err := s.MissingRecordings(t.Context())
	if err != nil || missing.Tried != 0 || missing.Lost != n/2 {
		t.Errorf("%+v, %v", missing, err)
	}
	listed, _, err := s.List(t.Context(), Filter{Recording: MissingRecordings()})
	if err != nil || len(listed) != n/2 {
		t.Errorf("%d are listed, %v", len(listed), err)
	}
}

// TestClaimOfTheDeadIsTakenOver: who has died holds a recording for a lease, and what is noted by a
// process that another has superseded counts only where the recording is kept.
func TestClaimOfTheDeadIsTakenOver(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	run(t, s)
	server := serve(t, s, HandlerConfig{})
	push(t, server, dypls.TypeSecretRecording, "["+receiptsOf("c1")[dypls.TypeSecretRecording]+"]")
	settled(t, s)
	const lease = 200 * time.Millisecond
	take := func(count int) (claims []*RecordingClaim) {
		t.Helper()
		redistest.Poll(t, within, "claims of the recording", func(ctx context.Context) error {
			due, err := s.TakeRecordings(ctx, 1, lease)
			if err != nil || len(due.CallIDs) == 0 {
				return errors.Join(err, errors.New("none is due"))
			}
			claim, err := s.ClaimRecording(ctx, due, "c1", lease)
			if err == nil && claim != nil {
				claims = append(claims, claim)
			}
			if err == nil && len(claims) < count {
				err = fmt.Errorf("%d claims", len(claims))
			}
			return err
		})
		return claims
	}
	both := take(2)
	dead, second := both[0], both[1]
	if err := dead.Again(t.Context(), Postponed{Reason: "late words", Link: 7}); !errors.Is(err, ErrSuperseded) {
		t.Errorf("the first still says what comes of it: %v", err)
	}
	if c := get(t, s, "c1"); c.Recording.State != RecordingFetching || c.Recording.Reason != "" {
		t.Errorf("%+v", c.Recording)
	}
	if err := dead.Kept(t.Context(), Recording{Location: "file:///first", Bytes: 1, SHA256: "00", Parts: 1}); err != nil {
		t.Errorf("it was in the store: %v", err)
	}
	if err := second.Lost(t.Context(), "gone"); !errors.Is(err, ErrSuperseded) {
		t.Errorf("what is kept was lost: %v", err)
	}
	if c := get(t, s, "c1"); c.Recording.State != RecordingKept || c.Recording.Location != "file:///first" {
		t.Errorf("%+v", c.Recording)
	}
}
