package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

const opensWithin = 20 * time.Second

// pushing pushes receipts as the platform does, each of a call of its own.
type pushing struct {
	url, seed string
	body      func(call string) string
	client    *http.Client

	mu   sync.Mutex
	next int
	ok   []string // calls whose receipt was answered with OK
}

func newPushing(url, seed string, body func(call string) string) *pushing {
	const connections = 1000
	transport := &http.Transport{MaxIdleConnsPerHost: connections, MaxIdleConns: connections}
	return &pushing{
		url: url, seed: seed, body: body,
		client: &http.Client{Transport: transport, Timeout: time.Minute},
	}
}

// answers are how long each push waited for its answer.
type answers struct {
	took    []time.Duration
	refused int
}

func (a answers) percentile(p float64) time.Duration { return figure.Percentile(a.took, p) }

func (a answers) longest() time.Duration {
	if len(a.took) == 0 {
		return 0
	}
	return slices.Max(a.took)
}

// report is a SecretReport of a call.
func report(call string) string {
	return fmt.Sprintf(`[{"pool_key":"FC100000000001","sub_id":1000043068030000,"out_id":"order-%[1]s","call_id":%[1]q,"phone_no":"13800000001","secret_no":"17000000003",`+
		`"peer_no":"13800000002","call_type":0,"call_time":"2026-11-28 20:11:29","ring_time":"2026-11-28 20:11:33","start_time":"2026-11-28 20:11:40",`+
		`"release_time":"2026-11-28 20:12:55","release_dir":1,"release_cause":16,"unconnected_cause":0,"control_msg":"OK","city":"北京"}]`, call)
}

// push pushes one, and reports whether it was answered with OK.
func (p *pushing) push(ctx context.Context) (took time.Duration, ok bool, err error) {
	p.mu.Lock()
	p.next++
	id := fmt.Sprintf("%s%08d", p.seed, p.next)
	p.mu.Unlock()
	request, err := http.NewRequestWithContext(
		ctx, http.MethodPost, p.url, strings.NewReader(p.body(id)),
	)
	if err != nil {
		return 0, false, err
	}
	began := time.Now()
	answer, err := p.client.Do(request)
	if err != nil {
		return 0, false, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	took = time.Since(began)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return took, false, err
	}
	if answer.StatusCode == http.StatusOK {
		p.mu.Lock()
		p.ok = append(p.ok, id)
		p.mu.Unlock()
	}
	return took, answer.StatusCode == http.StatusOK, nil
}

// awaitOpen pushes until a push is answered with OK.
func (p *pushing) awaitOpen(ctx context.Context, failed func() error) error {
	ctx, cancel := context.WithTimeout(ctx, opensWithin)
	defer cancel()
	for {
		_, ok, err := p.push(ctx)
		if ok {
			return nil
		}
		if failure := failed(); failure != nil {
			return failure
		}
		if waited := pause(ctx, 20*time.Millisecond); waited != nil {
			return errors.Join(errors.New("the receiver does not take in pushes"), err)
		}
	}
}

// saturate pushes over so many connections as fast as they are answered, and returns how many were
// taken in.
func (p *pushing) saturate(
	ctx context.Context, connections int, d time.Duration,
) (taken int, err error) {
	end := time.Now().Add(d)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for time.Now().Before(end) {
				_, ok, failed := p.push(ctx)
				mu.Lock()
				if ok {
					taken++
				}
				err = errors.Join(err, failed)
				mu.Unlock()
				if failed != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return taken, err
}

// number pushes so many over so many connections, as fast as they are answered. All must
// be taken in.
func (p *pushing) number(ctx context.Context, connections, count int) (err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	left := count
	next := func() bool {
		mu.Lock()
		defer mu.Unlock()
		left--
		return left >= 0 && err == nil
	}
	for range connections {
		all.Go(func() {
			for next() {
				_, ok, failed := p.push(ctx)
				if failed == nil && !ok {
					failed = errors.New("a push was not taken in")
				}
				if failed != nil {
					mu.Lock()
					err = errors.Join(err, failed)
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	return err
}

// pace pushes so many a second, whether the earlier ones are answered or not.
func (p *pushing) pace(ctx context.Context, perSecond int, d time.Duration) (a answers, err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	for i := 0; ; i++ {
		due := time.Duration(i) * time.Second / time.Duration(perSecond)
		if due >= d {
			break
		}
		if waited := pause(ctx, time.Until(began.Add(due))); waited != nil {
			return a, waited
		}
		all.Go(func() {
			took, ok, failed := p.push(ctx)
			mu.Lock()
			defer mu.Unlock()
			a.took, err = append(a.took, took), errors.Join(err, failed)
			if !ok {
				a.refused++
			}
		})
	}
	all.Wait()
	return a, err
}

func (p *pushing) acknowledged() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.ok)
}
