package callbacks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// ErrUnknownEndpoint is that there is no endpoint of a name.
var ErrUnknownEndpoint = errors.New("there is no endpoint of this name: dyplsq callbacks list has them all")

// Status is how an endpoint stands. Its JSON is a contract.
type Status struct {
	Endpoint string
	// Listed tells that it is among the endpoints of this sender; others were, and have not been for a
	// week at the most.
	Listed bool
	// Host is where it is, of one that is listed.
	Host string
	// DisabledAt is when it answered 410; zero for one that is told.
	DisabledAt time.Time
	Delivered  int64 // callbacks, since the first
	Pending    int64 // wait, and have not failed yet
	Failing    int64 // wait, and have failed before
	Dead       int64 // were given up within the last week
	// Oldest is when the event happened, or was replayed, that has waited longest; zero for none.
	Oldest                   time.Time
	LastSuccess, LastFailure time.Time
	LastStatus               int    // 0 where there was none
	LastError                string // of the last failure
	// ResumesAt is when it is asked again: one that is not told now, since it
	// fails, or has asked for it.
	ResumesAt time.Time
}

// Waiting is how many deliveries wait.
func (s Status) Waiting() int64 { return s.Pending + s.Failing }

// MarshalJSON writes the status as other programs rely on it.
func (s Status) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Endpoint    string `json:"endpoint"`
		Listed      bool   `json:"listed"`
		Host        string `json:"host,omitempty"`
		Disabled    bool   `json:"disabled"`
		DisabledAt  string `json:"disabled_at,omitempty"`
		Delivered   int64  `json:"delivered"`
		Pending     int64  `json:"pending"`
		Failing     int64  `json:"failing"`
		Dead        int64  `json:"dead"`
		Oldest      string `json:"oldest,omitempty"`
		LastSuccess string `json:"last_success,omitempty"`
		LastFailure string `json:"last_failure,omitempty"`
		LastStatus  int    `json:"last_status,omitempty"`
		LastError   string `json:"last_error,omitempty"`
		ResumesAt   string `json:"resumes_at,omitempty"`
	}{
		s.Endpoint, s.Listed, s.Host, !s.DisabledAt.IsZero(), written(s.DisabledAt),
		s.Delivered, s.Pending, s.Failing, s.Dead,
		written(s.Oldest), written(s.LastSuccess), written(s.LastFailure), s.LastStatus, s.LastError,
		written(s.ResumesAt),
	})
}

// Statuses returns how each endpoint stands, by name: those of this sender, and those that another
// one had within the last week.
//
// Errors: [tasks.ErrUnreachable], [tasks.ErrRefused], and ctx's.
func (s *Sender) Statuses(ctx context.Context) ([]Status, error) {
	seen, err := s.store.redis.HGetAll(ctx, endpointsKey).Result()
	if err != nil {
		return nil, failure(ctx, err)
	}
	hosts := map[string]string{}
	for _, e := range *s.endpoints.Load() {
		hosts[e.Name] = e.host()
		seen[e.Name] = strconv.FormatInt(s.now().UnixMilli(), 10)
	}
	all := make([]Status, 0, len(seen))
	for name, at := range seen {
		if s.now().Sub(instant(at)) > keepUndelivered {
			continue
		}
		status, err := s.store.status(ctx, name, s.now())
		if err != nil {
			return nil, failure(ctx, err)
		}
		status.Host, status.Listed = hosts[name], hosts[name] != ""
		all = append(all, status)
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Endpoint, b.Endpoint) })
	return all, nil
}

func failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return tasks.RedisError(err)
}

func (s store) status(ctx context.Context, endpoint string, now time.Time) (Status, error) {
	k := keysOf(endpoint)
	var hash *redis.MapStringStringCmd
	var waiting, failing, dead *redis.IntCmd
	var oldest *redis.ZSliceCmd
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		hash = p.HGetAll(ctx, k.state())
		waiting, failing = p.ZCard(ctx, k.waiting()), p.ZCard(ctx, k.failing())
		dead = p.ZCard(ctx, k.dead())
		oldest = p.ZRangeWithScores(ctx, k.waiting(), 0, 0)
		return nil
	})
	if err != nil {
		return Status{}, err
	}
	state := stateOf(hash.Val())
	status := Status{
		Endpoint:    endpoint,
		DisabledAt:  state.disabled,
		Delivered:   state.delivered,
		Pending:     max(waiting.Val()-failing.Val(), 0),
		Failing:     failing.Val(),
		Dead:        dead.Val(),
		LastSuccess: state.lastSuccess,
		LastFailure: state.lastFailure,
		LastStatus:  state.lastStatus,
		LastError:   state.lastError,
	}
	for _, first := range oldest.Val() {
		status.Oldest = time.UnixMilli(int64(first.Score))
	}
	resumes := state.rest
	if state.fails >= failuresToRest && state.probe.After(resumes) {
		resumes = state.probe
	}
	if resumes.After(now) {
		status.ResumesAt = resumes
	}
	return status, nil
}

// Enable has an endpoint told again that is disabled, or rests, and all that waits for it.
//
// Errors: [ErrUnknownEndpoint], [tasks.ErrUnreachable], [tasks.ErrRefused], and ctx's.
func (s *Sender) Enable(ctx context.Context, endpoint string) error {
	known, err := s.store.enable(ctx, endpoint)
	if err != nil {
		return failure(ctx, err)
	}
	if !known {
		return fmt.Errorf("%q: %w", endpoint, ErrUnknownEndpoint)
	}
	return nil
}

// endpoint returns one of this sender's.
func (s *Sender) endpoint(name string) (Endpoint, error) {
	for _, e := range *s.endpoints.Load() {
		if e.Name == name {
			return e, nil
		}
	}
	return Endpoint{}, fmt.Errorf("%q: %w", name, ErrUnknownEndpoint)
}
