package calls

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// meanwhile has something happen once, before a script is run for the first time. Where the process
// dies, the script is run and the answer is lost.
type meanwhile struct {
	script *redis.Script
	does   func()
	dies   bool
	once   sync.Once
}

func (*meanwhile) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*meanwhile) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook sees every command of a store: its client sends them in pipelines.
func (m *meanwhile) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		runs := func(c redis.Cmder) bool { return len(c.Args()) > 1 && c.Args()[1] == m.script.Hash() }
		if !slices.ContainsFunc(cmds, runs) {
			return next(ctx, cmds)
		}
		first := false
		m.once.Do(func() {
			first = true
			m.does()
		})
		err := next(ctx, cmds)
		if first && m.dies {
			for _, cmd := range cmds {
				cmd.SetErr(errDead)
			}
			err = errDead
		}
		return err
	}
}

// TestKeptWhileItsReceiptIsMerged: a recording that is kept between the merge of a receipt and the
// note that it is wanted is not missing afterwards, also where the process dies after the note.
func TestKeptWhileItsReceiptIsMerged(t *testing.T) {
	t.Parallel()
	for name, dies := range map[string]bool{"and lives": false, "and dies": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			keeper, merger := open(t, server), open(t, server)
			mergeOne(t, keeper, dypls.TypeSecretRecording, receiptsOf("c1")[dypls.TypeSecretRecording])
			merger.redis.AddHook(&meanwhile{script: recordingWantScript, does: func() { keepDue(t, keeper) }, dies: dies})
			end := receiptsOf("c1")[dypls.TypeSecretReport]
			receipts, err := dypls.ParseReceipts(dypls.TypeSecretReport, []byte("["+end+"]"))
			if err != nil {
				t.Fatal(err)
			}
			err = merger.mergeReceipt(t.Context(), receipts[0], origin{at: time.Now()})
			if died := err != nil; died != dies {
				t.Fatal(err)
			}
			if dies { // the next one is given the receipt
				mergeOne(t, keeper, dypls.TypeSecretReport, end)
			}
			if missing, err := keeper.MissingRecordings(t.Context()); err != nil || missing != (RecordingsMissing{}) {
				t.Errorf("%+v, %v", missing, err)
			}
			if due, err := keeper.redis.ZCard(t.Context(), dueKey).Result(); err != nil || due != 0 {
				t.Errorf("%d are due, %v", due, err)
			}
		})
	}
}

// TestRetriedWhileItIsPutAmongTheLost: a lost recording that somebody has tried again before who
// lost it has put it among the lost is due.
func TestRetriedWhileItIsPutAmongTheLost(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	person, keeper := open(t, server), open(t, server)
	mergeOne(t, person, dypls.TypeSecretRecording, receiptsOf("c1")[dypls.TypeSecretRecording])
	keeper.redis.AddHook(&meanwhile{script: recordingPlaceScript, does: func() {
		if err := person.RetryRecording(t.Context(), "c1"); err != nil {
			t.Error(err)
		}
	}})
	if err := claimDue(t, keeper).Lost(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	keepDue(t, person)
}

// keepDue keeps the one recording that is due.
func keepDue(t *testing.T, s *Store) {
	t.Helper()
	if err := claimDue(t, s).Kept(t.Context(), Recording{Location: "file:///a", Bytes: 1, SHA256: "00", Parts: 1}); err != nil {
		t.Fatal(err)
	}
}

func claimDue(t *testing.T, s *Store) *RecordingClaim {
	t.Helper()
	due, err := s.TakeRecordings(t.Context(), 1, time.Minute)
	if err != nil || len(due.CallIDs) != 1 {
		t.Fatalf("%+v, %v", due, err)
	}
	claim, err := s.ClaimRecording(t.Context(), due, due.CallIDs[0], time.Minute)
	if err != nil || claim == nil {
		t.Fatalf("%v, %v", claim, err)
	}
	return claim
}
