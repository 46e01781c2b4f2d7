package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

var (
	// errPending is that the workers have not got a link yet.
	errPending = errors.New("its link is being asked for")
	// errIncomplete is that no receipt has told what a link is asked for with.
	errIncomplete = errors.New("no receipt has told its pool and its time yet")
)

// attempt is one try to keep a recording.
type attempt struct {
	*Keeper

	claim *calls.RecordingClaim
	span  tracing.Span

	mu   sync.Mutex
	link int // the number of the link in use
}

// hold goes on with the claim, by the next link if that is asked for.
func (a *attempt) hold(ctx context.Context, next bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if next {
		a.link++
	}
	return a.claim.Renew(ctx, a.link)
}

// age is how long ago the call was dialled.
func (a *attempt) age() time.Duration {
	if a.claim.Call.CallTime.IsZero() {
		return 0
	}
	return a.claim.Now.Sub(a.claim.Call.CallTime)
}

// run fetches the recording and puts it into the store, unless it is there. It ends when the claim
// does.
func (a *attempt) run(ctx context.Context) (r calls.Recording, found bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		a.renew(ctx, cancel)
	}()
	r, found, err = a.fetchAndPut(ctx)
	cancel(nil)
	<-renewing
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, calls.ErrSuperseded) {
		err = cause
	}
	return r, found, err
}

func (a *attempt) fetchAndPut(ctx context.Context) (r calls.Recording, found bool, err error) {
	c := a.claim.Call
	if c.PoolKey == "" || c.CallTime.IsZero() {
		return r, false, errIncomplete
	}
	link, err := a.nextLink(ctx, false)
	if err != nil {
		return r, false, err
	}
	name := nameOf(c, partOf(link))
	if r, found, err = kept(ctx, a.Store, name); found || err != nil {
		return r, found, err
	}
	file, err := os.CreateTemp(a.Spool, "dyplsq-recording-*")
	if err != nil {
		return r, false, fmt.Errorf("%w: %w", errSpool, err)
	}
	defer func() { _ = file.Close() }()
	if err = os.Remove(file.Name()); err != nil { // a process that dies leaves nothing
		defer func() { _ = os.Remove(file.Name()) }()
	}
	first := true
	fetching, span := a.tracer.Start(ctx, trace.SpanKindClient, "fetch", "recording")
	s, err := a.fetcher.fetch(fetching, file, func(
		ctx context.Context, dead bool,
	) (dypls.SignedURL, error) {
		if first && !dead {
			first = false
			return link, nil
		}
		return a.nextLink(ctx, dead)
	})
	endPart(span, err)
	if err != nil {
		return r, false, err
	}
	putting, span := a.tracer.Start(ctx, trace.SpanKindClient, "store", "recording")
	r, err = put(putting, a.Store, c, name, s, time.Now())
	endPart(span, err)
	return r, false, err
}

// renew goes on with the claim until ctx is done, and ends ctx where the claim is another's, or may
// be.
func (a *attempt) renew(ctx context.Context, cancel context.CancelCauseFunc) {
	const share = 4
	has := time.Now()
	for {
		wait(ctx, a.Lease/share)
		if ctx.Err() != nil {
			return
		}
		began := time.Now()
		err := a.hold(ctx, false)
		switch {
		case err == nil:
			has = began
		case errors.Is(err, calls.ErrSuperseded), time.Since(has) > a.Lease:
			cancel(calls.ErrSuperseded)
			return
		}
	}
}

// nextLink returns a link that workers have asked for; a new one where the last is dead. It is the
// same task for everybody who fetches this recording, whoever died meanwhile.
func (a *attempt) nextLink(ctx context.Context, dead bool) (dypls.SignedURL, error) {
	if dead {
		if err := a.hold(ctx, true); err != nil {
			return "", err
		}
	}
	const most = 5
	for range most {
		recording, err := a.ask(ctx)
		switch {
		case err == nil && (recording.ExpiresAt.IsZero() || time.Now().Before(recording.ExpiresAt)):
			return recording.DownloadURL, nil
		case err == nil, errors.Is(err, tasks.ErrKeyReused), errors.Is(err, tasks.ErrUnknownTask):
			err = a.hold(ctx, true)
		case isOutcome(err): // the next try asks by another task
			return "", errors.Join(err, a.hold(ctx, true))
		}
		if err != nil {
			return "", err
		}
	}
	return "", errDenied
}

func isOutcome(err error) bool {
	_, is := errors.AsType[*dypls.Error](err)
	return is
}

// ask has workers ask for the link of this number, once, and waits a little.
func (a *attempt) ask(ctx context.Context) (dypls.Recording, error) {
	const patience = 5 * time.Second
	c := a.claim.Call
	options := []tasks.Option{tasks.TaskID(fmt.Sprintf("recording:%s:%d", idOf(c), a.link))}
	if c.Account != "" {
		options = append(options, tasks.Account(c.Account))
	}
	if a.claim.Guessed { // where there is none the API may say for ever that it is not ready
		options = append(options, tasks.Within(min(a.LateAfter, setting.Ahead)))
	}
	request := dypls.QueryRecordFileDownloadURLRequest{
		PoolKey: c.PoolKey, CallID: c.ID, CallTime: dypls.At(c.CallTime),
	}
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	task, err := tasks.QueryRecordFileDownloadURL.Enqueue(patient, a.Queue, request, options...)
	var recording dypls.Recording
	if err == nil {
		recording, err = task.Wait(patient)
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = errPending
	}
	return recording, err
}
