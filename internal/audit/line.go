package audit

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
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

// isSealed tells of what people wrote or did it to, where there are keys: it is masked, and may
// hold a number all the same. What lines are told apart by is not.
func isSealed(field string) bool {
	switch field {
	case fieldBy, fieldTarget, fieldReason:
		return true
	}
	return strings.HasPrefix(field, detailMark) && field != detailMark+Of
}

func placeOf(field string) seal.Place { return seal.Place{Key: Key, Field: field} }

// Undecryptable is what stands for a text that is sealed and does not open.
const Undecryptable = "(undecryptable)"

// values are the fields of a line and their values, masked; what is empty is left out.
func (e Entry) values(keys *seal.Keys) (values []any) {
	add := func(name, value string) {
		if isSealed(name) {
			value = keys.Seal(placeOf(name), value)
		}
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

// entryOf reads a line. What does not open is [Undecryptable].
func entryOf(m redis.XMessage, keys *seal.Keys) Entry {
	text := func(name string) string {
		stored, _ := m.Values[name].(string)
		if !isSealed(name) {
			return stored
		}
		value, err := keys.Open(placeOf(name), stored)
		if err != nil {
			return Undecryptable
		}
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
