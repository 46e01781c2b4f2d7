package soak

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// soakSamples are what was measured, by name: "redis keys", "worker 0 goroutines".
type soakSamples struct {
	stop func()

	redis *redis.Client
	crew  *soakCrew
	owner *soakOwner
	from  time.Time

	mu     sync.Mutex
	series map[string]*series
	young  map[string]*series // of workers that are restarted, by their own age
}

func startSampling(t *testing.T, s *systemtest.System, crew *soakCrew, owner *soakOwner, pace soakPace) *soakSamples {
	t.Helper()
	m := &soakSamples{redis: s.Redis.Client(t), crew: crew, owner: owner, from: time.Now(), series: map[string]*series{}, young: map[string]*series{}}
	ctx, cancel := context.WithCancel(t.Context())
	var sampling sync.WaitGroup
	sampling.Go(func() {
		tick := time.NewTicker(pace.sampleEvery)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			m.ofRedis(ctx)
			for i := range soakWorkers {
				m.ofWorker(ctx, i)
			}
			m.progress(pace)
		}
	})
	m.stop = sync.OnceFunc(func() { cancel(); sampling.Wait() })
	t.Cleanup(m.stop)
	return m
}

func (m *soakSamples) add(all map[string]*series, name string, at time.Duration, value float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if all[name] == nil {
		all[name] = &series{}
	}
	all[name].add(at, value)
}

var infoLine = regexp.MustCompile(`(?m)^(used_memory|connected_clients):(\d+)`)

func (m *soakSamples) ofRedis(ctx context.Context) {
	at := time.Since(m.from)
	info := m.redis.Info(ctx, "memory", "clients").Val()
	for _, line := range infoLine.FindAllStringSubmatch(info, -1) {
		value, _ := strconv.ParseFloat(line[2], 64) // digits
		m.add(m.series, "redis "+line[1], at, value)
	}
	counts := map[string]int{}
	keys := m.redis.Scan(ctx, 0, "", 1000).Iterator()
	for keys.Next(ctx) {
		counts[familyOf(keys.Val())]++
		counts["keys"]++
	}
	told := m.redis.XLen(ctx, "dypls:outcomes").Val()
	if ctx.Err() != nil {
		return // what was read is not all there is
	}
	for family, n := range counts {
		m.add(m.series, "redis "+family, at, float64(n))
	}
	m.add(m.series, "stream entries", at, float64(told))
	m.add(m.series, "tasks without outcome", at, float64(m.owner.leftOf("")))
}

// familyOf is what a key is, without what is its own.
func familyOf(key string) string {
	switch {
	case strings.HasPrefix(key, "dypls:{") && strings.HasSuffix(key, "}"):
		return "keys of records"
	case strings.HasPrefix(key, "dypls:"):
		return "keys of dypls beside records"
	case strings.Contains(key, "}:t:"):
		return "keys of asynq's tasks"
	default:
		return "other keys of asynq"
	}
}

// settledIn is how old a worker is before it counts: it has its connections by then.
const settledAge = 10 * time.Second

func (m *soakSamples) ofWorker(ctx context.Context, i int) {
	member := m.crew.member(i)
	age := time.Since(member.since)
	page := scrape(ctx, member.url+"/metrics")
	for name, series := range map[string]string{
		"goroutines": "go_goroutines", "resident memory": "process_resident_memory_bytes", "heap": "go_memstats_heap_alloc_bytes",
		"heap in use": "go_memstats_heap_inuse_bytes", "open files": "process_open_fds",
	} {
		found := regexp.MustCompile(`(?m)^` + series + ` (\S+)$`).FindStringSubmatch(page)
		if found == nil || age < settledAge {
			continue // it is just being restarted
		}
		value, _ := strconv.ParseFloat(found[1], 64) // what is no number stays 0, and shows
		if i == 0 {
			m.add(m.series, "steady worker's "+name, time.Since(m.from), value)
		} else {
			m.add(m.young, "restarted workers' "+name, age, value)
		}
	}
}

func scrape(ctx context.Context, url string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return ""
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body) // a part has no series twice
	return string(text)
}

// progress says how far it is, to a person.
func (m *soakSamples) progress(pace soakPace) {
	info, err := os.Stderr.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _ = fmt.Fprintf(os.Stderr, "\rsoak: %s of %s, %.0f keys, %.0f tasks without outcome \033[K",
		time.Since(m.from).Round(time.Second), pace.lasts, m.series["redis keys"].last(), m.series["tasks without outcome"].last())
}

// judge prints slopes, and fails where something grows. What is younger than a third of the time is
// left out.
func (m *soakSamples) judge(t *testing.T, pace soakPace) {
	t.Helper()
	if pace.lasts < soakMeasured {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	growth := map[string]float64{}
	var lines []string
	for name, s := range m.series {
		steady := s.after(pace.lasts / 3)
		growth[name] = steady.growth()
		lines = append(lines, fmt.Sprintf("%-36s %s", name, steady))
	}
	for name, s := range m.young {
		lines = append(lines, fmt.Sprintf("%-36s %s (by their age)", name, s))
	}
	slices.Sort(lines)
	t.Logf("from %s on:\n%s", (pace.lasts / 3).Round(time.Second), strings.Join(lines, "\n"))
	for name, most := range map[string]float64{
		"redis keys": 0.05, "redis keys of records": 0.05, "redis used_memory": 0.05, "redis connected_clients": 0.3, "stream entries": 0.1,
		"steady worker's goroutines": 0.2, "steady worker's resident memory": 0.15, "steady worker's open files": 0.3,
	} {
		if growth[name] > most {
			t.Errorf("%s: grew by %.1f %% of its level, want %.0f %% at most", name, 100*growth[name], 100*most)
		}
	}
}
