package metrics

import (
	"context"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/history"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

const bindAxn, bindAxb = "default:BindAxn", "default:BindAxb"

// TestWantedWorkers: the formula of docs/scaling.md.
func TestWantedWorkers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		demand demand
		took   float64
		want   float64
	}{
		"nothing to do":                  {demand{}, 0.05, 1},
		"nothing waits, calls are made":  {demand{rate: map[string]float64{bindAxn: 1000}}, 0.05, 4},                  // 60 of 16 slots
		"a backlog":                      {demand{pending: 60_000, rate: map[string]float64{bindAxn: 1000}}, 0.05, 8}, // 2,000 a second
		"a backlog, and no call yet":     {demand{pending: 60_000}, 0.05, 4},                                          // 1,000 a second
		"slow calls":                     {demand{pending: 6_000, rate: map[string]float64{bindAxn: 100}}, 1, 15},     // 240 slots
		"the quota is reached":           {quotaOf(demand{pending: 6_000_000, rate: map[string]float64{bindAxn: 100}}, 100), 0.05, 1},
		"the quota allows twice that":    {quotaOf(demand{pending: 6_000_000, rate: map[string]float64{bindAxn: 1000}}, 2000), 0.05, 8},
		"throttled below what is called": {quotaOf(demand{pending: 60_000, rate: map[string]float64{bindAxn: 1000}}, 10), 0.05, 1},
		"one action's quota is reached": { // half of the backlog is the other's: 500 more a second, beside 100 and 100
			quotaOf(demand{pending: 60_000, rate: map[string]float64{bindAxn: 100, bindAxb: 100}}, 100), 0.1, 6,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			demands := map[string]demand{"bind": test.demand, "query": {}}
			slots := map[string]int{"bind": 16, "query": 16}
			if got := wantedOf(demands, slots, func(string) float64 { return test.took }); got != test.want {
				t.Errorf("wants %v, want %v", got, test.want)
			}
		})
	}
}

// quotaOf has the first of the actions allowed so many calls a second.
func quotaOf(d demand, rate float64) demand {
	d.quotas = map[string]float64{bindAxn: rate}
	return d
}

// TestWantedWorkersOfRedis: what waits in all shards of a queue, but in paused ones, is read from
// Redis, as are the calls of all workers and the quota that holds; where Redis does not tell,
// nothing is said.
func TestWantedWorkersOfRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	own, client := server.Client(t), server.AppClient(t)
	m := New()
	m.CollectTraffic(func() Traffic {
		return Traffic{Accounts: []string{"shop"}, Slots: map[string]int{"bind": 16, "query": 16}}
	})
	m.CollectQueues(client)
	wants := func(want string) {
		t.Helper()
		lines := scraped(t, m)
		for line := range lines {
			if rest, is := strings.CutPrefix(line, "dyplsq_wanted_workers "); is {
				if rest != want {
					t.Errorf("wants %s, want %q", rest, want)
				}
				return
			}
		}
		if want != "" {
			t.Errorf("says nothing, want %s", want)
		}
	}
	wants("1")

	fill(t, own, "bind.0", 4000)
	fill(t, own, "bind.1", 8000)
	fill(t, own, "query", 100_000)
	own.SAdd(t.Context(), "asynq:queues", "bind.0", "bind.1", "query")
	own.Set(t.Context(), "asynq:{query}:paused", 1, 0)
	m.Called("BindAxn", time.Second)
	wants("15") // 200 a second, each for a second, in 16 slots

	write := func(values history.Values) {
		t.Helper()
		if err := history.Write(t.Context(), own, history.Tasks, time.Now(), values); err != nil {
			t.Fatal(err)
		}
	}
	write(history.Values{"shop:BindAxn": {0, 0, 0, 0, 60}})
	own.HSet(t.Context(), "dypls:quota:{shop:BindAxn}", "rate", "30")
	wants("3") // 30 a second and no more, whatever waits

	own.Set(t.Context(), "asynq:queues", "broken", 0)
	wants("")
}

// fill puts n deliveries into a queue, which nobody reads.
func fill(t *testing.T, client *redis.Client, queue string, n int) {
	t.Helper()
	ids := make([]any, n)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	if err := client.RPush(t.Context(), "asynq:{"+queue+"}:pending", ids...).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestRateOfCalls: calls of this minute and of the one before count, older ones do not, nor do
// those of looks, which no queue is for.
func TestRateOfCalls(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	for ago, calls := range map[time.Duration]int64{0: 100, 30 * time.Minute: 7000} {
		err := history.Write(t.Context(), client, history.Tasks, time.Now().Add(-ago), history.Values{
			"shop:BindAxn": {0, 0, 0, 0, calls}, "shop:QuerySubsId": {0, 0, 0, 0, 9000},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	demands, err := wanted{redis: client, metrics: New()}.demands(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	rate := demands["bind"].rate["shop:BindAxn"]
	if slowest, fastest := 100/125.0, 100/60.0; rate < slowest || rate > math.Nextafter(fastest, 2) || len(demands["query"].rate) != 0 {
		t.Errorf("%v calls a second, want %v to %v; of queries %v", rate, slowest, fastest, demands["query"].rate)
	}
}
