package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// recordMark begins what stands in a payload's place until the records of the whole answer are
// read.
const recordMark = "record:"

// payloads names a task's record in place of its payload, which is an id alone. asynqmon gives a
// formatter no context, so it reads nothing.
type payloads struct{}

// FormatPayload implements [asynqmon.PayloadFormatter].
func (payloads) FormatPayload(kind string, data []byte) string {
	payload, err := asynqwire.DecodePayload(data)
	if err != nil ||
		!strings.HasPrefix(kind, ownTypes) { // another program's payload may be anybody's number
		return fmt.Sprintf(`{"unreadable":"%d bytes, not shown"}`, len(data))
	}
	return recordMark + payload.ID
}

// records shows tasks' records, every number in them masked.
type records struct{ queue *tasks.Queue }

// texts returns the record of each id as JSON. It reads all of them in one round trip, and no
// longer than the context lasts.
func (r records) texts(ctx context.Context, ids []string) map[string]string {
	texts := make(map[string]string, len(ids))
	views, err := r.queue.Views(ctx, ids...)
	for _, id := range ids {
		view, kept := views[id]
		switch {
		case err != nil:
			texts[id] = jsonText(map[string]string{"id": id, "record": "out of reach"})
		case !kept:
			texts[id] = jsonText(map[string]string{"id": id, "record": "no longer kept"})
		default:
			texts[id] = jsonText(view)
		}
	}
	return texts
}

func jsonText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "{}"
	}
	return string(text)
}

// fill puts records in the place of their marks, everywhere in an answer.
func (r records) fill(ctx context.Context, answer any) {
	var ids []string
	eachPayload(answer, func(_ map[string]any, _, id string) { ids = append(ids, id) })
	if len(ids) == 0 {
		return
	}
	texts := r.texts(ctx, ids)
	eachPayload(answer, func(o map[string]any, name, id string) { o[name] = texts[id] })
}

// eachPayload visits every marked payload of an answer of asynqmon's.
func eachPayload(value any, visit func(o map[string]any, name, id string)) {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			eachPayload(element, visit)
		}
	case map[string]any:
		for name, element := range v {
			text, isText := element.(string)
			if !isText {
				eachPayload(element, visit)
				continue
			}
			if id, marked := strings.CutPrefix(text, recordMark); marked &&
				(name == "payload" || name == "task_payload") {
				visit(v, name, id)
			}
		}
	}
}
