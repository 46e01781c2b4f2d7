package audit

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Fields of a line in the stream. Details stand beside them under their own names.
const (
	fieldBy     = "by"
	fieldVia    = "via"
	fieldAction = "action"
	fieldTarget = "target"
	fieldReason = "reason"
	detailMark  = "."
)

// mostDetails bounds how much one line can hold: each text is cut to 300 characters.
const mostDetails = 32

// values are the fields of a line and their values, masked; what is empty is left out.
func (e Entry) values() (values []any) {
	add := func(name, value string) {
		if value != "" {
			values = append(values, name, value)
		}
	}
	add(fieldBy, dypls.Scrub(e.By))
	add(fieldVia, e.Via)
	add(fieldAction, e.Action)
	add(fieldTarget, maskTarget(e.Target))
	add(fieldReason, dypls.Scrub(e.Reason))
	names := slices.Sorted(maps.Keys(e.Detail))
	for _, name := range names[:min(len(names), mostDetails)] {
		value := dypls.Scrub(e.Detail[name])
		if name == Of { // the id of a line looks like a number
			value = e.Detail[name]
		}
		add(detailMark+name, value)
	}
	if values == nil {
		values = []any{fieldAction, ""} // a line has at least one field
	}
	return values
}

// maskTarget masks mobile numbers alone: other digits of an id are what people look for.
func maskTarget(target string) string {
	const most = 200
	if masked := dypls.Scrub(target); len(target) > most {
		return masked
	}
	return dypls.Parameter{Value: target}.Masked()
}

// entryOf reads a line.
func entryOf(m redis.XMessage) Entry {
	text := func(name string) string {
		value, _ := m.Values[name].(string)
		return value
	}
	e := Entry{
		ID: m.ID, At: timeOf(m.ID), By: text(fieldBy), Via: text(fieldVia), Action: text(fieldAction),
		Target: text(fieldTarget), Reason: text(fieldReason),
	}
	for field := range m.Values {
		if name, is := strings.CutPrefix(field, detailMark); is {
			if e.Detail == nil {
				e.Detail = map[string]string{}
			}
			e.Detail[name] = text(field)
		}
	}
	return e
}

func timeOf(id string) time.Time {
	ms, _, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
