package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/archive"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/dyplsqtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// tourCall is the end of the tour: somebody calls the number that was bound, the service pushes the
// receipts of that call to a receiver, and a keeper puts its recording into a temporary folder.
type tourCall struct {
	skipped  string // why there is no folder, and so nothing of it all
	folder   string
	secret   string
	listener net.Listener // where receipts are pushed to

	store   *calls.Store
	ended   chan archive.Result
	stop    context.CancelFunc
	running errgroup.Group
}

// newTourCall opens what the service must know of before it starts.
func newTourCall() (*tourCall, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for receipts: %w", err)
	}
	t := &tourCall{listener: listener, secret: rand.Text(), ended: make(chan archive.Result, 1)}
	if t.folder, err = os.MkdirTemp("", "dyplsq-demo-"); err != nil {
		t.skipped = fmt.Sprintf("no temporary folder can be written: %v", err)
	}
	return t, nil
}

// api is a service that pushes the receipts of a call of a minute within a moment.
func (t *tourCall) api() dyplstest.Config {
	push := dyplstest.PushAll(fmt.Sprintf("http://%s/receipts/%s", t.listener.Addr(), t.secret))
	return dyplstest.Config{
		Faults:   tourFaults(),
		Calls:    dyplstest.Calls{Scale: 0.001},
		Receipts: dyplstest.Receipts{Push: push, AnswerWithin: tourPatience},
	}
}

// tourPatience is for a machine that is so busy that the service's own time limits would not do.
const tourPatience = 10 * time.Second

// start starts the receiver, and what keeps recordings.
func (t *tourCall) start(ctx context.Context, system *dyplsqtest.System, log zerolog.Logger) error {
	if t.skipped != "" {
		return nil
	}
	var err error
	t.store, err = calls.New(
		calls.Config{Redis: tasks.RedisConfig{URL: system.RedisURL}, Logger: log},
	)
	if err != nil {
		return err
	}
	handler, err := t.store.Handler(
		calls.HandlerConfig{Secrets: []string{t.secret}, Deadline: tourPatience},
	)
	if err != nil {
		return err
	}
	root := url.URL{Scheme: "file", Path: filepath.ToSlash(t.folder)}
	kept, err := archive.Open(root.String())
	if err != nil {
		return err
	}
	keeper, err := archive.New(archive.Config{
		Calls: t.store, Queue: system.Queue, Store: kept, Spool: t.folder,
		Retry: 100 * time.Millisecond, Logger: log, Trace: archive.Trace{Done: t.done},
	})
	if err != nil {
		return err
	}
	ctx, t.stop = context.WithCancel(context.WithoutCancel(ctx)) // until close
	t.running.Go(func() error { return serveWith(ctx, t.listener, newServer(handler, nil, log)) })
	t.running.Go(func() error { return t.store.Run(ctx) })
	t.running.Go(func() error { return keeper.Run(ctx) })
	return nil
}

// done hears what came of the recording. There is one, and one result that is final.
func (t *tourCall) done(e archive.End) {
	if e.Result == archive.Failed { // it is tried again
		return
	}
	select {
	case t.ended <- e.Result:
	default:
	}
}

// place has somebody call the number that was bound.
func (t *tourCall) place(api *dyplstest.Server, bound dypls.Binding) (dyplstest.PlacedCall, error) {
	if t.skipped != "" {
		return dyplstest.PlacedCall{}, nil
	}
	return api.PlaceCall(dyplstest.Dial{SubsID: bound.SubsID, Caller: "13900000001"})
}

// wait waits until something came of the call's recording, and tells what.
func (t *tourCall) wait(ctx context.Context, placed dyplstest.PlacedCall) (tourRow, error) {
	if t.skipped != "" {
		return keptRow("skipped", t.skipped, "skipped"), nil
	}
	select {
	case <-ctx.Done():
		return tourRow{}, ctx.Err()
	case <-t.ended:
	}
	call, err := t.store.Get(ctx, placed.CallID)
	if err != nil {
		return tourRow{}, err
	}
	r := call.Recording
	row := keptRow(string(r.State), r.Reason, asExpected)
	if r.State == calls.RecordingKept {
		row.cells[resultCell] = fmt.Sprintf(
			"%s %d bytes SHA-256 %.12s", t.name(r.Location), r.Bytes, r.SHA256,
		)
	}
	if err = t.check(call, placed); err != nil {
		row.verdict, row.wrong = "NO: "+err.Error(), true
	}
	return row, nil
}

// keptRow is a row without what only tasks have.
func keptRow(state, result, verdict string) tourRow {
	return tourRow{
		cells:   []string{"recording kept", tourAXN, "-", state, "-", "-", "-", result},
		verdict: verdict,
	}
}

// name is where a location is in the folder.
func (t *tourCall) name(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	name, _ := strings.CutPrefix(u.Path, filepath.ToSlash(t.folder)+"/")
	return name
}

// check compares the call and the file with what the service has.
func (t *tourCall) check(call calls.Call, placed dyplstest.PlacedCall) error {
	if call.Recording.State != calls.RecordingKept {
		return fmt.Errorf("the recording is %s", call.Recording.State)
	}
	if call.TaskID != tourAXN {
		return errors.New("the call is of another task")
	}
	text, err := os.ReadFile(
		filepath.Join(t.folder, filepath.FromSlash(t.name(call.Recording.Location))),
	)
	if err != nil {
		return err
	}
	sum, want := sha256.Sum256(text), placed.Recordings[0]
	if got := hex.EncodeToString(sum[:]); got != want.SHA256 || got != call.Recording.SHA256 {
		return errors.New("the file is another than the service's")
	}
	return nil
}

// close ends what start started. The store goes before those that use it have ended: a read that
// waits for receipts would last a second.
func (t *tourCall) close() error {
	if t.stop == nil {
		if t.store != nil {
			_ = t.store.Close()
		}
		return t.listener.Close()
	}
	t.stop()
	_ = t.store.Close()
	return t.running.Wait()
}

// clean removes the folder; one that holds something stays where the demo failed.
func (t *tourCall) clean(says io.Writer, failed bool) {
	if t.skipped != "" {
		return
	}
	remove := os.RemoveAll
	if failed {
		remove = os.Remove
	}
	if err := remove(t.folder); err != nil {
		_, _ = fmt.Fprintf(says, "what was kept is in %s\n", t.folder)
	}
}
