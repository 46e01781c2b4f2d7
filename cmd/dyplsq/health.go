package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

const (
	// checkTimeout bounds each check of readiness.
	checkTimeout = 2 * time.Second
	// pollWithin is within what time each queue, or a shard of it, must have been asked for a task:
	// longer than a slot is ever taken.
	pollWithin = 45 * time.Second
)

// health answers whether a worker is alive, and whether it is ready.
type health struct {
	redis       redis.UniversalClient
	credentials func(context.Context) error
	status      func() worker.Status
	shared      *sharedReadiness
}

func newHealth(
	client redis.UniversalClient,
	credentials func(context.Context) error,
	status func() worker.Status,
) health {
	h := health{redis: client, credentials: credentials, status: status}
	h.shared = &sharedReadiness{ask: h.check, now: time.Now}
	return h
}

// readiness is the answer of /readyz.
type readiness struct {
	Ready  bool             `json:"ready"`
	Checks map[string]check `json:"checks"`
}

// check is one condition. The text is for people; it repeats nothing of what failed, which the log
// has.
type check struct {
	OK   bool   `json:"ok"`
	Says string `json:"says"`
}

// failing names the checks that are not passed.
func (r readiness) failing() string {
	var texts []string
	for name, c := range r.Checks {
		if !c.OK {
			texts = append(texts, name+": "+c.Says)
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, "; ")
}

// alive says that the process answers. It asks nobody else: that Redis is away is no reason to
// start a worker anew, which holds outcomes that are still to be written.
func (health) alive(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, http.StatusOK, map[string]bool{"alive": true})
}

// ready says whether the worker performs tasks as it should.
func (h health) ready(w http.ResponseWriter, r *http.Request) {
	answer := h.shared.get(r.Context())
	code := http.StatusOK
	if !answer.Ready {
		code = http.StatusServiceUnavailable
	}
	writeHealth(w, code, answer)
}

func (h health) check(ctx context.Context) readiness {
	redisAnswers := make(chan check, 1)
	go func() {
		redisAnswers <- checkRedis(h.redis.SAdd(ctx, asynqwire.Queues, dispatch.Queues()[0]).Err())
	}()
	status := h.status()
	answer := readiness{Ready: true, Checks: map[string]check{
		"credentials": checkCredentials(h.credentials(ctx)), "phase": checkPhase(status.Phase),
		"fetchers": checkFetchers(status, time.Now()), "redis": <-redisAnswers,
	}}
	for _, c := range answer.Checks {
		answer.Ready = answer.Ready && c.OK
	}
	return answer
}

// checkRedis is told of what a worker writes itself, which changes nothing: a Redis that only
// answers may take no writes.
func checkRedis(err error) check {
	if refused, is := errors.AsType[*tasks.RefusedError](tasks.RedisError(err)); is {
		return check{false, "refuses: " + refused.Advice}
	}
	if err != nil {
		return check{false, fmt.Sprintf("no answer within %s", checkTimeout)}
	}
	return check{true, "takes writes"}
}

func checkCredentials(err error) check {
	if of, named := errors.AsType[accountError](err); named {
		return check{
			false,
			"none could be obtained for the account " + of.name + "; dyplsq doctor says from where",
		}
	}
	if err != nil {
		return check{false, "none could be obtained; dyplsq doctor says from where"}
	}
	return check{true, "obtained"}
}

func checkPhase(p worker.Phase) check { return check{p == worker.Performing, string(p)} }

func checkFetchers(s worker.Status, now time.Time) check {
	// of all shards of a queue, which take turns where its slots are taken
	latest := map[string]time.Time{}
	for name, at := range s.Polled {
		if queue, _ := dispatch.QueueOf(name); !at.Before(latest[queue]) {
			latest[queue] = at
		}
	}
	var silent []string
	for queue, at := range latest {
		switch {
		case at.IsZero():
			silent = append(silent, queue+" was never asked for a task")
		case now.Sub(at) > pollWithin:
			silent = append(
				silent,
				fmt.Sprintf("%s was not asked for a task for %s", queue, now.Sub(at).Round(time.Second)),
			)
		}
	}
	if silent != nil {
		slices.Sort(silent)
		return check{false, strings.Join(silent, ", ")}
	}
	return check{true, "every queue is asked for tasks"}
}

func writeHealth(w http.ResponseWriter, code int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	//nolint:errchkjson // it can be encoded; whoever asked may be gone
	_ = json.NewEncoder(w).Encode(answer)
}
