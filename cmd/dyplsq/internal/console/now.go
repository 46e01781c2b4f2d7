package console

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
	"github.com/seed-5c07c2e9/dyplsq/internal/history"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// nowView is what the page of the moment shows.
type nowView struct {
	Period  string
	Periods []string

	Holds     []hold
	Uncertain int
	Charts    []chart
	Queues    []tasks.QueueStats
	Workers   []workerView
	Pools     []poolView
	More      bool // there are more pools

	// Of the last hour, and of the moment.
	Succeeded, Failed, Doubtful int64
	Pending                     int64
	Oldest                      time.Duration
}

// hold is something that keeps tasks from being performed.
type hold struct {
	Kind    string // throttled, denied, endpoint, paused or missing
	What    string // an action, a scope, a queue or an account
	Account string
	Code    string
	Since   time.Time
	// Until is when the next call finds out whether it still holds; zero where a person ends it.
	Until time.Time
}

const nowEvery = 5 * time.Second

// poolsOfNow is how many pools the page shows: those with the fewest free numbers.
const poolsOfNow = 12

// nowPage shows how things stand. Its parts are asked for side by side.
func nowPage(r *request) (answer, error) {
	if err := r.read(); err != nil {
		return answer{}, err
	}
	var v nowView
	now := r.console.Now().UTC()
	name, shown := periodOf(r.field("of"), now)
	v.Period = name
	for _, p := range periods {
		v.Periods = append(v.Periods, p.name)
	}
	spans := map[history.Kind]*history.Span{history.Tasks: {}, history.Quota: {}, history.Queues: {}}
	var hour history.Span
	parts, ctx := errgroup.WithContext(r.Context())
	for kind, span := range spans {
		parts.Go(func() (err error) {
			*span, err = history.Read(ctx, r.console.Redis, kind, shown.since, now)
			return err
		})
	}
	parts.Go(func() (err error) {
		hour, err = history.Read(ctx, r.console.Redis, history.Tasks, now.Add(-time.Hour), now)
		return err
	})
	parts.Go(func() (err error) {
		v.Queues, err = r.console.Queue.Stats(ctx)
		return err
	})
	parts.Go(func() (err error) {
		v.Holds, err = r.console.holds(ctx)
		return err
	})
	parts.Go(func() (err error) {
		v.Workers, err = r.console.workers(ctx)
		return err
	})
	parts.Go(func() (err error) {
		v.Pools, v.More, err = r.console.pools(ctx)
		return err
	})
	parts.Go(func() error {
		held, err := record.NewStore(r.console.Redis).WithKeys(r.console.Keys).Held(ctx, 1)
		v.Uncertain = held.Count
		return err
	})
	if err := parts.Wait(); err != nil {
		return answer{}, err
	}
	if len(v.Pools) > poolsOfNow {
		v.Pools, v.More = v.Pools[:poolsOfNow], true
	}
	v.count(hour)
	v.Charts = r.nowCharts(shown, spans)
	return answer{page: "now", data: v, live: nowEvery}, nil
}

// count adds up what the figures say.
func (v *nowView) count(hour history.Span) {
	for _, row := range hour.Rows {
		v.Succeeded += row.Values.Sum(history.Succeeded)
		v.Failed += row.Values.Sum(history.Failed)
		v.Doubtful += row.Values.Sum(history.Uncertain)
	}
	for _, q := range v.Queues {
		v.Pending += q.Pending
		v.Oldest = max(v.Oldest, time.Duration(q.LatencyMS)*time.Millisecond)
		if q.Paused {
			v.Holds = append(v.Holds, hold{Kind: "paused", What: q.Queue})
		}
	}
}

// nowCharts draws what happened.
func (r *request) nowCharts(p period, spans map[history.Kind]*history.Span) []chart {
	t := r.texts()
	counted := func(number int) []float64 {
		return p.perSecond(spans[history.Tasks].Rows, func(v history.Values) int64 {
			return v.Sum(number)
		})
	}
	charts := []chart{
		p.chart(t, "calls", t["now.chart.calls"], plainScale,
			series{t["now.calls"], "accent", counted(history.Calls)},
			series{t["now.throttled"], "doubt dash", counted(history.Throttled)}),
		p.chart(t, "outcomes", t["now.chart.outcomes"], plainScale,
			series{t["now.succeeded"], "good", counted(history.Succeeded)},
			series{t["now.failed"], "bad dash", counted(history.Failed)},
			series{t["now.uncertain"], "doubt dots", counted(history.Uncertain)}),
	}
	waiting := spans[history.Queues].Rows
	queues := namesIn(waiting, len(strokes))
	lines := make([]series, 0, len(queues)+1)
	for i, queue := range queues {
		oldest := p.most(waiting, func(v history.Values) (float64, bool) {
			return float64(v.Of(queue, history.OldestMS)), true
		})
		lines = append(lines, series{queue, strokes[i], oldest})
	}
	if len(queues) == 0 {
		nothing := func(history.Values) (float64, bool) { return 0, true }
		lines = append(lines, series{t["now.anyqueue"], strokes[0], p.most(waiting, nothing)})
	}
	const second = 1000 // is the least that the scale shows
	charts = append(
		charts, p.chart(t, "oldest", t["now.chart.oldest"], scale{t.milliseconds, second}, lines...),
	)
	return append(charts, r.quotaCharts(p, spans)...)
}

// strokes tell the lines of one chart apart, by colour and by dashes.
var strokes = []string{"accent", "good dash", "doubt dots", "bad dashdot"}

// mostBudgets is how many budgets are drawn: those with the most calls.
const mostBudgets = 4

// quotaCharts draws, of each budget that is used most, the calls and what the quota allowed.
func (r *request) quotaCharts(p period, spans map[history.Kind]*history.Span) (charts []chart) {
	t, calls, rates := r.texts(), spans[history.Tasks].Rows, spans[history.Quota].Rows
	total := map[string]int64{}
	for _, row := range calls {
		for name := range row.Values {
			total[name] += row.Values.Of(name, history.Calls)
		}
	}
	budgets := slices.DeleteFunc(namesIn(rates, allNames), func(name string) bool {
		return total[name] == 0
	})
	slices.SortStableFunc(budgets, func(a, b string) int { return cmp.Compare(total[b], total[a]) })
	for i, budget := range budgets[:min(len(budgets), mostBudgets)] {
		account, action, _ := strings.Cut(budget, ":")
		title := t.say("now.chart.quota", action)
		if account != tasks.DefaultAccount {
			title = t.say("now.chart.quota.account", action, account)
		}
		const milli = 1000
		charts = append(charts, p.chart(t, "quota"+string(rune('a'+i)), title, plainScale,
			series{t["now.allowed"], "doubt dash", p.most(rates, func(v history.Values) (float64, bool) {
				_, known := v[budget]
				return float64(v.Of(budget, history.MilliRate)) / milli, known
			})},
			series{t["now.calls"], "accent", p.perSecond(calls, func(v history.Values) int64 {
				return v.Of(budget, history.Calls)
			})}))
	}
	return charts
}

const allNames = 256

// namesIn are the names in rows, by name, so many at most.
func namesIn(rows []history.Row, most int) (names []string) {
	seen := map[string]bool{}
	for _, row := range rows {
		for name := range row.Values {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names[:min(len(names), most)]
}

// mostAccounts is of how many accounts it is asked what holds their tasks.
const mostAccounts = 50

// holds are what keeps tasks of any account from being performed.
func (c *Console) holds(ctx context.Context) (all []hold, err error) {
	known, err := presence.Read(ctx, c.Redis)
	if err != nil {
		return nil, err
	}
	for _, name := range known.Missing {
		all = append(all, hold{Kind: "missing", What: name})
	}
	names := append([]string{tasks.DefaultAccount}, known.Known...)
	slices.Sort(names)
	names = slices.Compact(names)
	for _, account := range names[:min(len(names), mostAccounts)] {
		open, err := breakers.Read(ctx, c.Redis, account)
		if err != nil {
			return nil, err
		}
		for _, b := range open {
			kind := "denied"
			if b.Scope == breakers.Endpoint {
				kind = "endpoint"
			}
			all = append(all, hold{kind, b.Scope, account, b.Code, b.Since, b.Since.Add(b.For + b.Probe)})
		}
		budgets, err := quota.Read(ctx, c.Redis, account, actions()...)
		if err != nil {
			return nil, err
		}
		for _, b := range budgets {
			if b.Throttled {
				all = append(
					all, hold{Kind: "throttled", What: b.Action, Account: account, Since: b.Since, Until: b.Probe},
				)
			}
		}
	}
	return all, nil
}
