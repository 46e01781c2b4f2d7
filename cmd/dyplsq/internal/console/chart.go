package console

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/history"
)

// chart is a drawing of some lines over a stretch of time, and the table of what it draws.
type chart struct {
	ID, Title, Summary string
	Lines              []chartLine
	Levels, Times      []chartTick
	Rows               []chartRow // the newest first
	Empty              bool       // nothing is known of any moment
}

type chartLine struct {
	Name  string
	Class string // of the stylesheet
	Path  string
}

// chartTick is a label beside an axis.
type chartTick struct {
	At   string // in the drawing's units
	Text string
}

type chartRow struct {
	At     time.Time
	Values []string
}

// The drawing's units.
const (
	chartLeft, chartRight = 68.0, 632.0
	chartTop, chartBottom = 12.0, 166.0
)

// period is the stretch of time that charts show, in steps.
type period struct {
	since, till time.Time
	step        time.Duration
}

// periods are those that may be chosen, by what the address says.
var periods = []struct {
	name       string
	back, step time.Duration
}{
	{"1h", time.Hour, time.Minute},
	{"6h", 6 * time.Hour, 5 * time.Minute},
	{"24h", 24 * time.Hour, 15 * time.Minute},
	{"7d", 7 * 24 * time.Hour, 2 * time.Hour},
	{"14d", 14 * 24 * time.Hour, 3 * time.Hour},
}

// periodOf is the one of a name, the first of all for any other.
func periodOf(name string, now time.Time) (string, period) {
	chosen := periods[0]
	for _, p := range periods {
		if p.name == name {
			chosen = p
		}
	}
	since := now.Add(-chosen.back).Truncate(chosen.step)
	return chosen.name, period{since, now, chosen.step}
}

// back is how far the period goes back: the step in which it begins is shown whole.
func (p period) back() time.Duration { return p.till.Sub(p.since).Truncate(p.step) }

// begins are the steps' beginnings.
func (p period) begins() (all []time.Time) {
	for at := p.since; at.Before(p.till); at = at.Add(p.step) {
		all = append(all, at)
	}
	return all
}

// series is one line: a value for each step, NaN where nothing is known.
type series struct {
	name   string
	class  string
	values []float64
}

// perSecond is how often something that is counted happened in each step. The step that has just
// begun tells nothing yet.
func (p period) perSecond(rows []history.Row, count func(history.Values) int64) []float64 {
	values := make([]float64, len(p.begins()))
	for _, r := range rows {
		if i := p.stepOf(r.At); i >= 0 {
			values[i] += float64(count(r.Values))
		}
	}
	for i, at := range p.begins() {
		long := min(p.till.Sub(at), p.step)
		values[i] /= long.Seconds()
		if long < p.step/4 || p.step == time.Minute && long < p.step {
			values[i] = math.NaN()
		}
	}
	return values
}

// most is the largest that was sampled in each step, where ok says that the sample tells of it.
func (p period) most(
	rows []history.Row, of func(history.Values) (value float64, ok bool),
) []float64 {
	values := make([]float64, len(p.begins()))
	for i := range values {
		values[i] = math.NaN()
	}
	for _, r := range rows {
		value, ok := of(r.Values)
		if i := p.stepOf(r.At); ok && i >= 0 && !(values[i] >= value) {
			values[i] = value
		}
	}
	return values
}

func (p period) stepOf(at time.Time) int {
	if at.Before(p.since) || !at.Before(p.till) {
		return -1
	}
	return int(at.Sub(p.since) / p.step)
}

// scale is what a chart's values are.
type scale struct {
	format func(float64) string // writes a value with its unit
	least  float64              // what the scale reaches at least
}

// plainScale is that of counts and rates.
var plainScale = scale{plain, 0}

// chart draws lines.
func (p period) chart(t texts, id, title string, s scale, lines ...series) chart {
	c := chart{ID: id, Title: title, Empty: true}
	top, format := s.least, s.format
	for _, l := range lines {
		for _, v := range l.values {
			if !math.IsNaN(v) {
				top, c.Empty = max(top, v), false
			}
		}
	}
	if c.Empty {
		return c
	}
	top = niceTop(top)
	begins := p.begins()
	for _, l := range lines {
		c.Lines = append(c.Lines, chartLine{l.name, l.class, outline(l.values, top)})
	}
	const halves = 2
	for i := range halves + 1 {
		value := top * float64(i) / halves
		c.Levels = append(c.Levels, chartTick{place(yOf(value, top)), format(value)})
	}
	const quarters = 4
	for i := range quarters + 1 {
		x := chartLeft + (chartRight-chartLeft)*float64(i)/quarters
		ago := p.back() * time.Duration(quarters-i) / quarters
		text := t["chart.now"]
		if i < quarters {
			text = t.say("common.ago", t.span(ago))
		}
		c.Times = append(c.Times, chartTick{place(x), text})
	}
	for i, at := range slices.Backward(begins) {
		row := chartRow{At: at}
		known := false
		for _, l := range lines {
			text := "–"
			if v := l.values[i]; !math.IsNaN(v) {
				text, known = format(v), true
			}
			row.Values = append(row.Values, text)
		}
		if known {
			c.Rows = append(c.Rows, row)
		}
	}
	c.Summary = summary(t, format, lines)
	return c
}

// summary says what a line shows last and at most, for whoever does not see the drawing.
func summary(t texts, format func(float64) string, lines []series) string {
	var said []string
	for _, l := range lines {
		most, last := math.NaN(), math.NaN()
		for _, v := range l.values {
			if math.IsNaN(v) {
				continue
			}
			last = v
			if !(most >= v) {
				most = v
			}
		}
		if !math.IsNaN(last) {
			said = append(said, t.say("chart.summary", l.name, format(last), format(most)))
		}
	}
	return strings.Join(said, t["chart.between"])
}

// outline draws the values of a line, with a gap where nothing is known.
func outline(values []float64, top float64) string {
	var b strings.Builder
	pen := false
	for i, v := range values {
		if math.IsNaN(v) {
			pen = false
			continue
		}
		x := chartLeft + (chartRight-chartLeft)*(float64(i)+0.5)/float64(len(values))
		command := "M"
		if pen {
			command = "L"
		}
		b.WriteString(command + place(x) + " " + place(yOf(v, top)))
		if !pen {
			b.WriteString("h0") // a value between two gaps is a dot
		}
		pen = true
	}
	return b.String()
}

func yOf(value, top float64) float64 {
	return chartBottom - (chartBottom-chartTop)*value/top
}

func place(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// niceTop is a round number that is no less than any value.
func niceTop(most float64) float64 {
	if most <= 0 {
		return 1
	}
	const ten = 10
	unit := math.Pow(ten, math.Floor(math.Log10(most)))
	for _, factor := range []float64{1, 2, 4, 5, ten} {
		if most <= factor*unit {
			return factor * unit
		}
	}
	return most
}

// plain writes a value without a unit.
func plain(v float64) string {
	const large = 100
	switch {
	case v == math.Trunc(v) || v >= large:
		return number(int64(math.Round(v)))
	case v < 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// milliseconds writes a span that is given in them.
func (t texts) milliseconds(v float64) string {
	return t.span(time.Duration(v) * time.Millisecond)
}

// texts are those of the reader's language.
func (r *request) texts() texts { return r.console.shelf.texts[r.lang] }
