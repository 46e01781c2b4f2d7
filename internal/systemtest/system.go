package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// system is a real Redis and a simulator behind real HTTP, for real processes of dyplsq.
type system struct {
	redis     *redistest.Server
	simulator *dyplstest.Simulator
	env       []string
}

const startWithin = 2 * time.Minute

func newSystem(t *testing.T, config dyplstest.Config, redisArgs ...string) *system {
	t.Helper()
	return newSystemOn(t, redistest.Start(t, redisArgs...), config)
}

func newSystemOn(t *testing.T, redis *redistest.Server, config dyplstest.Config) *system {
	t.Helper()
	s := &system{redis: redis}
	server := dyplstest.Start(t, config)
	s.simulator = server.Simulator
	s.env = cleanEnv(append(s.redis.Env(),
		"DYPLSQ_ENDPOINT="+server.URL(),
		"ALIBABA_CLOUD_ACCESS_KEY_ID="+server.AccessKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+server.AccessKeySecret,
	)...)
	return s
}

// asynqRedis is where asynq's own dashboard finds the system's Redis.
func (s *system) asynqRedis() asynq.RedisClientOpt {
	user, password, config := s.redis.Login()
	return asynq.RedisClientOpt{Addr: s.redis.Addr, Username: user, Password: password, TLSConfig: config}
}

// worker starts a worker and waits until it performs tasks.
func (s *system) worker(t *testing.T) *process {
	t.Helper()
	p := start(t, s.env, "worker")
	redistest.Poll(t, startWithin, "the worker to be up", p.wrote("performing tasks"))
	return p
}

// enqueue runs dyplsq enqueue, with --json, and returns the outcomes.
func (s *system) enqueue(t *testing.T, wantStatus int, args ...string) []tasks.Outcome {
	t.Helper()
	r := dyplsq(t, s.env, "", append([]string{"enqueue", "--json"}, args...)...)
	if r.status != wantStatus {
		t.Fatalf("dyplsq enqueue %s: exit status %d, want %d\n%s%s", args[0], r.status, wantStatus, tail(r.out), tail(r.errors))
	}
	return readOutcomes(t, r.out)
}

// outcome runs dyplsq result and returns the outcome.
func (s *system) outcome(t *testing.T, id, wait string) tasks.Outcome {
	t.Helper()
	r := dyplsq(t, s.env, "", "result", id, "--json", "--wait", wait)
	outcomes := readOutcomes(t, r.out)
	if len(outcomes) != 1 {
		t.Fatalf("dyplsq result %s: exit status %d, %d outcomes\n%s", id, r.status, len(outcomes), r.errors)
	}
	return outcomes[0]
}

func readOutcomes(t *testing.T, out string) []tasks.Outcome {
	t.Helper()
	var outcomes []tasks.Outcome
	for line := range splitLines(out) {
		var o tasks.Outcome
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("an outcome is not JSON: %v: %s", err, line)
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// performed is what the simulator really did for a task, whose id it got as OutId.
func (s *system) performed(id string) []dyplstest.Entry {
	var entries []dyplstest.Entry
	for _, e := range s.simulator.Ledger() {
		if e.Performed && e.Parameters["OutId"] == id {
			entries = append(entries, e)
		}
	}
	return entries
}

// isOut waits, for use with redistest.Poll, until the simulator has performed a task whose answer may still be to come.
func (s *system) isOut(id string) func(context.Context) error {
	return func(context.Context) error {
		if len(s.performed(id)) == 0 {
			return errors.New("not yet")
		}
		return nil
	}
}

// bind is a BindAxn request as JSON.
func bind(number int, more string) string {
	return fmt.Sprintf(`{"PoolKey":%q,"PhoneNoA":"139%08d","Expiration":"2099-01-31 23:59:59"%s}`, dyplstest.DefaultPoolKey, number, more)
}

// ledgerOf reads a simulator's ledger over HTTP, as other processes do.
func ledgerOf(t *testing.T, url string) []dyplstest.Entry {
	t.Helper()
	resp, err := http.Get(url + ledgerPath)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var entries []dyplstest.Entry
	scanner := bufio.NewScanner(resp.Body)
	for scanner.Scan() {
		var e dyplstest.Entry
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}
