package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// kind is a tasks.Kind without its types.
type kind struct {
	action     string
	mutates    bool
	repeatable bool
	ordered    bool
	removes    bool
	attempts   int
	perform    func(ctx context.Context, c dypls.Caller, id string, request []byte) (performed, error)
	findable   func(request []byte) bool
	find       func(
		ctx context.Context, c dypls.Caller, request []byte, since time.Time,
	) (dypls.Finding, performed, error)
}

// idempotent reports whether a call of the kind may be made twice.
func (k kind) idempotent() bool { return !k.mutates || k.repeatable }

// performed is the success of a call, as the record keeps it.
type performed struct {
	requestID string
	result    []byte
	binding   dypls.Binding // of a bind
	expiresAt time.Time     // of a recording's link
}

// errUnreadable is a recorded request that cannot be decoded.
var errUnreadable = errors.New("the recorded request cannot be read")

func register[Req dypls.Request, Res any](w *Worker, k tasks.Kind[Req, Res]) {
	attempts := k.Policy().Attempts
	if w.config.MaxAttempts > 0 {
		attempts = w.config.MaxAttempts
	}
	w.kinds[asynqwire.TypePrefix+k.Operation().Action] = kind{
		action:     k.Operation().Action,
		mutates:    k.Operation().Mutates,
		repeatable: k.Operation().Repeatable,
		attempts:   attempts,
		removes:    k.Operation().Removes,
		ordered:    k.Policy().Orders != nil,
		findable: func(request []byte) bool {
			var req Req
			return json.Unmarshal(request, &req) == nil && k.Operation().Findable(req)
		},
		find: func(
			ctx context.Context, c dypls.Caller, request []byte, since time.Time,
		) (dypls.Finding, performed, error) {
			var req Req
			if err := json.Unmarshal(request, &req); err != nil {
				return dypls.Unknowable, performed{}, errUnreadable
			}
			seen, err := k.Operation().Find(ctx, c, req, since)
			if err != nil || seen.Finding != dypls.Found {
				return seen.Finding, performed{}, err
			}
			p, err := success(seen.Res)
			return dypls.Found, p, err
		},
		perform: func(ctx context.Context, c dypls.Caller, id string, request []byte) (performed, error) {
			var req Req
			if err := json.Unmarshal(request, &req); err != nil {
				return performed{}, errUnreadable
			}
			res, err := k.Operation().Call(ctx, c, k.Operation().WithOutID(req, id))
			if err != nil {
				return performed{}, err
			}
			return success(res)
		},
	}
}

// actions are those of every kind.
func (w *Worker) actions() []string {
	actions := make([]string, 0, len(w.kinds))
	for _, k := range w.kinds {
		actions = append(actions, k.action)
	}
	return actions
}

func success(res any) (performed, error) {
	var result bytes.Buffer
	encoder := json.NewEncoder(&result)
	encoder.SetEscapeHTML(false) // links stay as they are
	err := encoder.Encode(res)
	p := performed{result: bytes.TrimSpace(result.Bytes())}
	switch res := res.(type) {
	case dypls.Binding:
		p.binding = res
	case dypls.Recording:
		p.expiresAt = res.ExpiresAt
	}
	return p, err
}
