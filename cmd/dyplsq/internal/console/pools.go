package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/internal/history"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

// poolView is how the numbers of a pool stand.
type poolView struct {
	Key     string
	Stock   inventory.Stock
	Outlook history.Outlook
}

// Low tells that less than a tenth is free.
func (p poolView) Low() bool {
	const tenth = 10
	return p.Stock.Free*tenth < p.Stock.Total()
}

// Share is the part of all numbers, in percent.
func (p poolView) Share(n int) int {
	const percent = 100
	return n * percent / max(p.Stock.Total(), 1)
}

// PerDay is how many numbers more are taken in a day, rounded.
func (p poolView) PerDay() int {
	const hours = 24
	return int(p.Outlook.PerHour * hours)
}

// mostPools is how many pools are shown: the first by name are read, those with the fewest free
// numbers come first.
const mostPools = 100

// pools are those with an inventory. more tells that there are others.
func (c *Console) pools(ctx context.Context) (all []poolView, more bool, err error) {
	numbers := inventory.New(c.Redis, inventory.AsLeased).WithKeys(c.Keys)
	names, err := numbers.Pools(ctx)
	if err != nil || len(names) == 0 {
		return nil, false, err
	}
	more = len(names) > mostPools
	names = names[:min(len(names), mostPools)]
	now := c.Now()
	span, err := history.Read(ctx, c.Redis, history.Pools, now.Add(-history.MinutesFor), now)
	if err != nil {
		return nil, false, err
	}
	all = make([]poolView, len(names))
	const atOnce = 8
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(atOnce)
	for i, name := range names {
		asking.Go(func() error {
			stock, err := numbers.Counts(ctx, name)
			all[i] = poolView{name, stock, history.OutlookOf(name, span.Rows)}
			return err
		})
	}
	if err := asking.Wait(); err != nil {
		return nil, false, err
	}
	all = slices.DeleteFunc(all, func(p poolView) bool { return p.Stock.Total() == 0 })
	slices.SortStableFunc(all, func(a, b poolView) int {
		return cmp.Compare(a.Share(a.Stock.Free), b.Share(b.Stock.Free))
	})
	return all, more, nil
}

// poolList is what the page of all pools shows.
type poolList struct {
	Pools []poolView
	More  bool
}

const poolsEvery = 15 * time.Second

// numbersPage lists the pools.
func numbersPage(r *request) (answer, error) {
	pools, more, err := r.console.pools(r.Context())
	return answer{page: "numbers", data: poolList{pools, more}, live: poolsEvery}, err
}

// poolPageView is what the page of one pool shows.
type poolPageView struct {
	poolView

	Cities    []cityView
	Period    string
	Periods   []string
	Chart     chart
	Unsettled []inventory.Holding
	More      bool // there are more leases that nobody settled
}

// cityView is a city's numbers in a pool.
type cityView struct {
	inventory.Counts

	Name string
}

const (
	mostCities    = 100
	mostUnsettled = 50
	unsettledFor  = 5 * time.Minute
)

var errNoPool error = problem{status: http.StatusNotFound, text: "problem.pool"}

// poolPage shows a pool: where its numbers stand, in which cities, how that went, and the leases
// that nobody has said anything on for long.
func poolPage(r *request) (answer, error) {
	if err := r.read(); err != nil {
		return answer{}, err
	}
	c, key, now := r.console, r.field("key"), r.console.Now().UTC()
	numbers := inventory.New(c.Redis, inventory.AsLeased).WithKeys(c.Keys)
	names, err := numbers.Pools(r.Context())
	if err != nil {
		return answer{}, err
	}
	if !slices.Contains(names, key) {
		return answer{}, errNoPool
	}
	v := poolPageView{poolView: poolView{Key: key}}
	if v.Stock, err = numbers.Counts(r.Context(), key); err != nil {
		return answer{}, err
	}
	day, err := history.Read(r.Context(), c.Redis, history.Pools, now.Add(-history.MinutesFor), now)
	if err != nil {
		return answer{}, err
	}
	v.Outlook = history.OutlookOf(key, day.Rows)
	name, shown := periodOf(cmp.Or(r.field("of"), "24h"), now)
	span, err := history.Read(r.Context(), c.Redis, history.Pools, shown.since, now)
	if err != nil {
		return answer{}, err
	}
	v.Period, v.Periods = name, poolPeriods
	v.Chart = r.poolChart(shown, key, span.Rows)
	for city, counts := range v.Stock.ByCity {
		if counts.Total() > 0 {
			v.Cities = append(v.Cities, cityView{counts, city})
		}
	}
	slices.SortFunc(v.Cities, func(a, b cityView) int {
		return cmp.Or(cmp.Compare(b.Total(), a.Total()), cmp.Compare(a.Name, b.Name))
	})
	v.Cities = v.Cities[:min(len(v.Cities), mostCities)]
	err = numbers.Unsettled(r.Context(), key, unsettledFor, func(h inventory.Holding) error {
		if v.More = len(v.Unsettled) == mostUnsettled; v.More {
			return errEnough
		}
		v.Unsettled = append(v.Unsettled, h)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return answer{}, err
	}
	return answer{page: "pool", data: v, live: poolsEvery}, nil
}

var errEnough = errors.New("enough")

// poolPeriods are those of a pool, which is sampled every few minutes.
var poolPeriods = []string{"6h", "24h", "7d", "14d"}

func (r *request) poolChart(p period, key string, rows []history.Row) chart {
	t := r.texts()
	line := func(name, class string, numbers ...int) series {
		return series{t["numbers."+name], class, p.most(rows, func(v history.Values) (float64, bool) {
			_, known := v[key]
			sum := int64(0)
			for _, n := range numbers {
				sum += v.Of(key, n)
			}
			return float64(sum), known
		})}
	}
	return p.chart(t, "stock", t["pool.chart"], plainScale,
		line("free", "good", history.Free),
		line("bound", "accent dash", history.Leased, history.Bound),
		line("resting", "doubt dots", history.Resting),
		line("aside", "bad dashdot", history.Aside, history.Leaving))
}
