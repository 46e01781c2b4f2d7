package figure

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Group is bars that are compared with each other.
type Group struct {
	Name string
	Bars []Bar
}

// Bar is one figure of a chart.
type Bar struct {
	Name  string
	Value float64
}

const (
	chartWidth = 760
	nameWidth  = 130
	valueWidth = 90
	barHeight  = 16
	barGap     = 4
	groupGap   = 14
	titleSpace = 34
)

// colours are for the bars of a name, in the order in which names appear. They differ in lightness,
// too.
var colours = []string{"#0b7285", "#f08c00", "#5c940d", "#862e9c", "#adb5bd", "#1864ab"}

// WriteChart writes horizontal bars as SVG, the longest of each group as long as that of any other:
// groups are not compared. What was not measured has no bar.
func WriteChart(w io.Writer, title string, groups []Group) error {
	var body strings.Builder
	palette := map[string]string{}
	y := titleSpace
	for _, group := range groups {
		fmt.Fprintf(
			&body, `<text x="0" y="%d" class="group">%s</text>`+"\n", y+barHeight-4, escape(group.Name),
		)
		y += barHeight + barGap
		longest := 0.0
		for _, bar := range group.Bars {
			if bar.Value > longest {
				longest = bar.Value
			}
		}
		for _, bar := range group.Bars {
			if math.IsNaN(bar.Value) {
				continue
			}
			if palette[bar.Name] == "" {
				palette[bar.Name] = colours[len(palette)%len(colours)]
			}
			writeBar(&body, y, bar, longest, palette[bar.Name])
			y += barHeight + barGap
		}
		y += groupGap
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s" font-family="sans-serif" font-size="12">
<style>text{fill:#222}.title{font-size:15px;font-weight:bold}.group{font-weight:bold}</style>
<rect width="100%%" height="100%%" fill="#fff"/>
<text x="0" y="18" class="title">%s</text>
%s</svg>
`, chartWidth, y, escape(title), escape(title), body.String())
	return err
}

func writeBar(w io.Writer, y int, bar Bar, longest float64, colour string) {
	length := 0.0
	if longest > 0 {
		length = bar.Value / longest * (chartWidth - nameWidth - valueWidth)
	}
	text := y + barHeight - 4
	_, _ = fmt.Fprintf(
		w, `<text x="%d" y="%d" text-anchor="end">%s</text>`, nameWidth-6, text, escape(bar.Name),
	)
	_, _ = fmt.Fprintf(
		w, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`, nameWidth, y, length, barHeight,
		colour,
	)
	_, _ = fmt.Fprintf(
		w, `<text x="%.1f" y="%d">%s</text>`+"\n", nameWidth+length+6, text, Format(bar.Value, 0),
	)
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}
