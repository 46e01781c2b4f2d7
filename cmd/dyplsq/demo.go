package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const demoBanner = `dyplsq demo: everything in memory, lost on exit. Redis is embedded, the API is simulated, no number is real.
`

type demoCommand struct {
	logFlags

	Timeout time.Duration `default:"60s" help:"Give up after (${default})." placeholder:"DURATION"`
}

// Numbers of the demo. Those whose calls fail at first are named by the simulator's rules.
const (
	demoThrottled = "13800000003"
	demoBroken    = "13800000004"
)

func demoFaults() []dyplstest.Fault {
	return []dyplstest.Fault{
		{Match: map[string]string{"PhoneNoA": demoThrottled}, First: 1, Code: "isv.FLOW_LIMIT"},
		{Match: map[string]string{"PhoneNoA": demoBroken}, First: 1, Code: "isp.SYSTEM_ERROR"},
	}
}

// Run performs one of everything and compares each outcome with what it should be.
func (c *demoCommand) Run(ctx context.Context, s streams) error {
	_, _ = fmt.Fprint(s.err, demoBanner)
	c.LogLevel = "error"
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	e, err := startEmbedded(ctx, c.logger(s.err), dyplstest.Config{Faults: demoFaults()})
	if err != nil {
		return err
	}
	rows, err := demoTour(ctx, e.queue)
	if err = errors.Join(err, e.close()); err != nil {
		return fmt.Errorf("the demo did not finish: %w", err)
	}
	return printTour(s, rows)
}

// tourStep is one task of the demo and what should come of it.
type tourStep struct {
	what    string
	outcome tasks.Outcome
	state   tasks.State
	code    string
	calls   int
}

func (t tourStep) asExpected() bool {
	return t.outcome.State == t.state && t.outcome.Code == t.code && t.outcome.Calls == t.calls
}

// demoTour enqueues one of everything. The first four run side by side; the others need what the first one bound.
func demoTour(ctx context.Context, q *tasks.Queue) ([]tourStep, error) {
	expiration := dypls.At(time.Now().Add(time.Hour))
	axn := func(a dypls.Phone) dypls.BindAXNRequest {
		return dypls.BindAXNRequest{PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: a, Expiration: expiration}
	}
	steps := []tourStep{
		{what: "AXN bind", state: tasks.StateSucceeded, code: dypls.CodeOK, calls: 1},
		{what: "AXB bind", state: tasks.StateSucceeded, code: dypls.CodeOK, calls: 1},
		{what: "throttled at first", state: tasks.StateSucceeded, code: dypls.CodeOK, calls: 2},
		{what: "system error at first", state: tasks.StateSucceeded, code: dypls.CodeOK, calls: 2},
		{what: "X is taken", state: tasks.StateFailed, code: "isv.BIND_CONFLICT", calls: 1},
		{what: "recording of a call", state: tasks.StateSucceeded, code: dypls.CodeOK, calls: 1},
		{what: "unbind", state: tasks.StateSucceeded, code: dypls.CodeOK, calls: 1},
	}
	first, err := tasks.BindAXN.Enqueue(ctx, q, axn("13800000001"), tasks.TaskID("demo-axn"))
	axb, err2 := tasks.BindAXB.Enqueue(ctx, q, dypls.BindAXBRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "13800000002", PhoneNoB: "13900000002", Expiration: expiration,
	}, tasks.TaskID("demo-axb"))
	throttled, err3 := tasks.BindAXN.Enqueue(ctx, q, axn(demoThrottled), tasks.TaskID("demo-throttled"))
	broken, err4 := tasks.BindAXN.Enqueue(ctx, q, axn(demoBroken), tasks.TaskID("demo-system-error"))
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return nil, err
	}
	bound, err := tasks.BindAXN.Wait(ctx, q, first)
	if err != nil {
		return nil, err
	}
	taken := axn("13800000005")
	taken.PhoneNoX = bound.SecretNo
	conflict, err := tasks.BindAXN.Enqueue(ctx, q, taken, tasks.TaskID("demo-conflict"))
	recording, err2 := tasks.QueryRecordFileDownloadURL.Enqueue(ctx, q, dypls.QueryRecordFileDownloadURLRequest{
		PoolKey: dyplstest.DefaultPoolKey, CallID: "43612633712c0000", CallTime: dypls.At(time.Now().Add(-20 * time.Minute)),
	}, tasks.TaskID("demo-recording"))
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	if _, err := q.Wait(ctx, conflict); err != nil { // while X is still taken
		return nil, err
	}
	unbind, err := tasks.UnbindSubscription.Enqueue(ctx, q, dypls.UnbindSubscriptionRequest{
		PoolKey: dyplstest.DefaultPoolKey, SubsID: bound.SubsID, SecretNo: bound.SecretNo,
	}, tasks.TaskID("demo-unbind"))
	if err != nil {
		return nil, err
	}
	for i, id := range []string{first, axb, throttled, broken, conflict, recording, unbind} {
		if steps[i].outcome, err = q.Wait(ctx, id); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

func printTour(s streams, steps []tourStep) error {
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "WHAT\tTASK\tACTION\tSTATE\tCODE\tATTEMPTS\tCALLS\tRESULT\tAS EXPECTED")
	unexpected := 0
	for _, step := range steps {
		verdict := "yes"
		if !step.asExpected() {
			verdict = fmt.Sprintf("NO: %s %s, calls %d", step.state, step.code, step.calls)
			unexpected++
		}
		o := step.outcome
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n",
			step.what, o.ID, o.Action, o.State, o.Code, o.Attempts, o.Calls, resultForPeople(o.Result), verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if unexpected > 0 {
		return statusError{statusFailed, fmt.Sprintf("%d outcomes are not as expected", unexpected)}
	}
	return nil
}
