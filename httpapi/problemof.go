package httpapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// mostErrors are as many as one problem lists.
const mostErrors = 1000

// problemOf says what an error means to a client, and logs what its operator should know.
func (a *API) problemOf(err error) *Problem {
	if p, is := errors.AsType[*Problem](err); is {
		return p
	}
	switch {
	case errors.Is(err, tasks.ErrUnknownTask):
		return problem(unknownTask)
	case errors.Is(err, calls.ErrUnknownCall):
		return problem(unknownCall)
	case errors.Is(err, tasks.ErrUndecryptable):
		if a.said.may(time.Now()) {
			a.log.Error().Str("error", dypls.Scrub(err.Error())).
				Msg("requests refused: what is recorded does not open; see dyplsq keys status")
		}
		return problem(undecryptable)
	case errors.Is(err, tasks.ErrUnreplicated):
		a.sayRedis(err)
		return problem(tooFewReplicas)
	case errors.Is(err, tasks.ErrRefused):
		a.sayRedis(err)
		return problem(redisRefuses)
	case errors.Is(err, tasks.ErrUnreachable), errors.Is(err, tasks.ErrClosed),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		a.sayRedis(err)
		return problem(redisUnreachable)
	}
	if batch, is := errors.AsType[*tasks.BatchError](err); is {
		return refusedBatch(batch)
	}
	if errs := fieldErrors(err, nil); errs != nil {
		return invalidWith(errs)
	}
	a.log.Error().Str("error", dypls.Scrub(err.Error())).Msg("request failed")
	return problem(internal)
}

// invalidWith lists everything that is wrong, unless that is more than anybody reads.
func invalidWith(errs []FieldError) *Problem {
	p := problem(invalid, errs...)
	if more := len(errs) - mostErrors; more > 0 {
		p.Errors = errs[:mostErrors]
		p.Detail = fmt.Sprintf("%s There are %d more.", p.Detail, more)
	}
	return p
}

// refusedBatch is what is wrong with the items of a batch: 409 where nothing but their keys is.
func refusedBatch(batch *tasks.BatchError) *Problem {
	errs := make([]FieldError, 0, len(batch.Items))
	reused := true
	for _, item := range batch.Items {
		reused = reused && errors.Is(item.Err, tasks.ErrKeyReused)
		errs = append(errs, fieldErrors(item.Err, &item.Index)...)
	}
	p := invalidWith(errs)
	if reused {
		conflict := problem(keyReused)
		conflict.Errors = p.Errors
		return conflict
	}
	return p
}

// fieldErrors are the problems of an error that the client can mend; nil where it cannot.
func fieldErrors(err error, item *int) (errs []FieldError) {
	if bad, is := errors.AsType[*dypls.ValidationError](err); is {
		for _, p := range bad.Problems {
			errs = append(errs, FieldError{memberOf(p.Field), p.Rule, p.Remedy, item})
		}
	}
	if reused, is := errors.AsType[*tasks.KeyReusedError](err); is {
		for _, field := range reused.Differs {
			errs = append(errs, FieldError{
				memberOf(field),
				"differs from what is recorded under this key",
				"use a new key for a new request, or repeat the request as it was",
				item,
			})
		}
	}
	return errs
}

// memberOf is the member of a body that the library has another name for.
func memberOf(field string) string {
	switch field {
	case "TaskID":
		return "id"
	case "Action":
		return "action"
	case "Account":
		return "account"
	case "Callback":
		return "callback"
	case "ProcessIn":
		return "in"
	case "ProcessAt":
		return "process_at"
	case "Within":
		return "within"
	case "By":
		return "by"
	case "Succeeded":
		return "result"
	case "Cursor":
		return "cursor"
	case "Limit":
		return "limit"
	case "State":
		return "state"
	case "Code":
		return "code"
	case "Since":
		return "since"
	}
	return field
}

// sayEvery is how often the same failure is logged at the most: where Redis is away, each request
// fails.
const sayEvery = 10 * time.Second

// sayRedis tells it now and then.
func (a *API) sayRedis(err error) {
	if a.said.may(time.Now()) {
		a.log.Error().Str("error", dypls.Scrub(err.Error())).
			Msg("requests refused: Redis does not do what they need")
	}
}
