package quota

import (
	"cmp"
	"container/heap"
	"math/rand/v2"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// givenTime makes the quota's very script run by the clock of a test: the time is its last argument
// but one, so that the pairs before it stay pairs.
var givenTime = redis.NewScript("local now = tonumber(table.remove(ARGV))\n" + quotaLua)

// model runs workers, the script and a vendor by one simulated clock. The workers' side is their
// real allotment, the script is the real one in a real Redis.
type model struct {
	t       *testing.T
	redis   *redis.Client
	random  *rand.Rand
	now     int64
	events  events
	ceiling float64
	vendor  vendor
	latency int64 // of a call
	jitter  int64 // of what passes between a token and its call, at most
	rtt     int64 // to Redis
	deaf    int   // of so many messages one is lost; 0 for none
	workers []*modelWorker

	epoch, closedAt int64
	sent            []int64 // when calls left
	accepted        []int64
	throttled       []int64
	asks            int
}

type modelWorker struct {
	*model
	name      string
	own       float64 // its ceiling; 0 for the model's
	allotment allotment
	waiting   int
	calls     int // made by this one
	asking    bool
	wakeAt    int64
	// idle says whether a caller that has its answer stays away for a while, and for how long.
	idle func() int64
}

func newModel(t *testing.T, vendor vendor, workers, callers int) *model {
	t.Helper()
	m := &model{
		t: t, redis: redistest.Start(t).Client(t), random: rand.New(rand.NewPCG(1, 2)), now: 1_800_000_000 * secondMicros, ceiling: 5000,
		vendor: vendor, latency: 50_000, jitter: 3_000, rtt: 1_000,
	}
	for i := range workers {
		w := &modelWorker{model: m, name: string(rune('a' + i)), waiting: callers}
		m.workers = append(m.workers, w)
		m.after(int64(i)*1000, w.turn)
	}
	return m
}

// run lets simulated time pass.
func (m *model) run(micros int64) {
	end := m.now + micros
	for len(m.events) > 0 && m.events[0].at <= end {
		e := heap.Pop(&m.events).(event)
		m.now = e.at
		e.do()
	}
	m.now = end
}

func (m *model) after(micros int64, do func()) {
	heap.Push(&m.events, event{m.now + micros, len(m.accepted)*1_000_000 + len(m.events), do})
}

// turn is what Bucket.step does.
func (w *modelWorker) turn() {
	for w.waiting > 0 {
		if _, ok := w.allotment.take(w.now); !ok {
			break
		}
		w.waiting--
		w.after(w.random.Int64N(w.jitter+1), w.call)
	}
	ask, wake := w.allotment.plan(w.waiting, w.now)
	switch {
	case w.asking:
	case ask:
		w.asking = true
		d := w.allotment.demand(w.waiting, w.now)
		w.after(w.rtt/2, func() { w.script(d) })
	case wake > w.now && wake != w.wakeAt:
		w.wakeAt = wake
		w.after(wake-w.now, w.turn)
	}
}

func (w *modelWorker) script(d demand) {
	w.asks++
	ceiling := cmp.Or(w.own, w.ceiling)
	args := append(d.arguments(w.name, "default", "BindAxn", news, ceiling, min(startRate, ceiling)), w.now)
	reply, err := readGranted(givenTime.Run(w.t.Context(), w.redis, bucketKeys("default", "BindAxn"), args...))
	if err != nil {
		w.t.Fatal(err)
	}
	if reply.closedAt != w.closedAt || reply.epoch != w.epoch {
		w.epoch, w.closedAt = reply.epoch, reply.closedAt
		for _, other := range w.workers {
			if w.deaf == 0 || w.random.IntN(w.deaf) > 0 {
				w.after(w.rtt/2+w.random.Int64N(1000), func() { other.allotment.hear(reply.epoch, reply.closedAt); other.turn() })
			}
		}
	}
	w.after(w.rtt/2, func() {
		w.asking = false
		w.allotment.grant(reply)
		w.turn()
	})
}

// call makes one call, and waits for the next token after its answer.
func (w *modelWorker) call() {
	left := w.now
	w.calls++
	w.sent = append(w.sent, left)
	w.after(w.latency/2, func() {
		ok, rest := w.vendor.admit(w.now)
		if ok {
			w.accepted = append(w.accepted, left)
		} else {
			w.throttled = append(w.throttled, left)
		}
		w.after(w.latency/2+w.random.Int64N(w.jitter+1), func() {
			switch {
			case ok:
				w.allotment.accepted(left)
			case rest > 0:
				w.allotment.throttled(left, left+rest)
			default:
				w.allotment.throttled(left, 0)
			}
			w.back()
		})
	})
}

func (w *modelWorker) back() {
	if w.idle == nil {
		w.waiting++
		w.turn()
		return
	}
	w.turn()
	w.after(w.idle(), func() { w.waiting++; w.turn() })
}

// between counts times in [from, till).
func between(times []int64, from, till int64) (n int) {
	for _, t := range times {
		if t >= from && t < till {
			n++
		}
	}
	return n
}

// most is the greatest number of times within any second.
func most(times []int64) (n int) {
	first := 0
	for i := range times {
		for times[i]-times[first] >= secondMicros {
			first++
		}
		n = max(n, i-first+1)
	}
	return n
}
