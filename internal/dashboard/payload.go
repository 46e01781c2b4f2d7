package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// payloads shows a task's record in place of its payload, which is an id alone. Every number in it is masked.
type payloads struct{ queue *tasks.Queue }

const viewTimeout = 2 * time.Second

// FormatPayload implements [asynqmon.PayloadFormatter].
func (f payloads) FormatPayload(kind string, data []byte) string {
	payload, err := tasks.DecodePayload(data)
	if err != nil || !strings.HasPrefix(kind, ownTypes) { // another program's payload may be anybody's number
		return fmt.Sprintf(`{"unreadable":"%d bytes, not shown"}`, len(data))
	}
	ctx, cancel := context.WithTimeout(context.Background(), viewTimeout)
	defer cancel()
	view, err := f.queue.View(ctx, payload.ID)
	var shown any = view
	switch {
	case errors.Is(err, tasks.ErrUnknownTask):
		shown = map[string]string{"id": payload.ID, "record": "no longer kept"}
	case err != nil:
		shown = map[string]string{"id": payload.ID, "record": "out of reach"}
	}
	text, err := json.Marshal(shown)
	if err != nil {
		return "{}"
	}
	return string(text)
}
