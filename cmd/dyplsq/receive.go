package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/metrics"
)

type receiveCommand struct {
	redisFlags
	receiptsFlags
	receiptsQueueFlags
	wireFlags
	archiveFlags
	logFlags
	metricsFlags

	Account      string        `default:"default" env:"DYPLSQ_ACCOUNT" help:"The account of the numbers, as the workers know it (${default}): a push does not say whose it is." placeholder:"NAME"`
	WaitReplicas int           `env:"DYPLSQ_WAIT_REPLICAS" help:"Replicas of Redis that must hold a push before it is answered with OK; 0 for none." placeholder:"N"`
	KeepCalls    time.Duration `default:"720h" env:"DYPLSQ_KEEP_CALLS" help:"How long a call is kept after its last receipt (${default})." placeholder:"DURATION"`
}

// Run takes in receipts and merges them into calls until ctx is done.
func (c *receiveCommand) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	_, redisErr := c.given()
	door, doorErr := c.door(len(c.ReceiptsQueue) > 0)
	accountErr := accountProblem(c.Account, "give the name that the workers know the account by")
	if err := errors.Join(redisErr, doorErr, accountErr); err != nil {
		return usage(err.Error())
	}
	c.warn(door, log)
	spans := openTraces(ctx, "receive", log)
	defer spans.close(ctx)
	m := metrics.NewReceipts(
		string(calls.Duplicate), string(calls.Unread), string(calls.Undecryptable),
	)
	m.ExpectRecordings(recordingResults()...)
	store, err := c.calls(calls.Config{
		Keep:           c.KeepCalls,
		AskRecordings:  c.asked(),
		RecordingAfter: c.RecordingAfter,
		WaitReplicas:   c.WaitReplicas,
		Logger:         log,
		Trace:          receiptsTrace(m),
		TracerProvider: spans.provider,
	})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	go c.watchKeys(ctx, log)
	puller, err := c.puller(store, c.wireFlags, c.Account)
	if err == nil && puller != nil {
		err = puller.checkCredentials(ctx, log)
	}
	if err != nil {
		return err
	}
	recordings, err := c.recordings(c.redisFlags, store, m, spans.provider, log)
	if err != nil {
		return err
	}
	defer recordings.close()
	pushes, err := c.openDoor(store, door, c.Account, log)
	if err != nil {
		return err
	}
	shown, err := c.open(ctx, c.redisFlags, log, func(
		_ context.Context, client redis.UniversalClient,
	) endpoints {
		//nolint:contextcheck // a scrape has no context
		m.CollectWaiting(store.Waiting)
		m.CollectRecordings(missing(store))
		if puller != nil {
			m.CollectQueues(puller.shown)
		}
		return endpoints{
			metrics: m.Handler(), alive: health{}.alive, ready: receiverReady(client, puller, pushes != nil),
		}
	})
	if err != nil {
		return errors.Join(err, pushes.close())
	}
	work, running := errgroup.WithContext(ctx)
	work.Go(func() error { return store.Run(running) })
	if pushes != nil {
		work.Go(func() error { return serveWith(running, pushes.listener, pushes.server) })
	}
	if puller != nil {
		work.Go(func() error { puller.pull(running); return nil })
	}
	if recordings != nil {
		work.Go(func() error { return recordings.keeper.Run(running) })
	}
	return errors.Join(work.Wait(), shown.close())
}

// receiptsTrace counts what happens in a store.
func receiptsTrace(m *metrics.Receipts) calls.Trace {
	return calls.Trace{
		PushDone:    func(p calls.Push) { m.PushDone(p.Type, p.Status, p.Took) },
		ReceiptDone: func(r calls.ReceiptEnd) { m.ReceiptDone(r.Type, string(r.Result), r.Lag) },
		CallDone:    func(e calls.CallEnd) { m.CallDone(e.PoolKey, string(e.Result)) },
		MessageDone: func(e calls.MessageEnd) {
			m.MessageDone(e.Queue.Type, string(e.Result), e.Result == calls.MessageStored, e.Lag)
		},
		TokenDone: func(e calls.TokenEnd) { m.TokenDone(e.Queue.Type, e.Err == nil) },
	}
}

// pushServer is where pushes come in.
type pushServer struct {
	listener net.Listener
	server   *http.Server
}

// openDoor opens the port, or returns nil where nothing is pushed.
func (f receiptsFlags) openDoor(
	store *calls.Store,
	door *receiptsDoor,
	account string,
	log zerolog.Logger,
) (*pushServer, error) {
	if door == nil {
		return nil, nil //nolint:nilnil // no port, no error
	}
	handler, err := store.Handler(calls.HandlerConfig{Secrets: door.secrets, Account: account})
	if err != nil {
		return nil, usage("--receipts-secret-file: " + err.Error())
	}
	listener, err := listen("--receipts-listen", f.ReceiptsListen, receiptsPort)
	if err != nil {
		return nil, err
	}
	server := newServer(door.guard(handler), door.certificate, log)
	log.Info().Str("url", urlOf(listener, server)+"receipts/").Msg("receiving receipts")
	return &pushServer{listener, server}, nil
}

func (p *pushServer) close() error {
	if p == nil {
		return nil
	}
	return p.listener.Close()
}

// receiverReady says whether a push would be stored, and whether queues are pulled.
func receiverReady(
	client redis.UniversalClient, puller *queuePuller, listens bool,
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		defer cancel()
		answer := readiness{Checks: map[string]check{"redis": checkRedis(calls.CheckWrite(ctx, client))}}
		if puller != nil {
			answer.Checks["queues"] = puller.ready(listens)
		}
		status := http.StatusOK
		if answer.Ready = answer.failing() == ""; !answer.Ready {
			status = http.StatusServiceUnavailable
		}
		writeHealth(w, status, answer)
	}
}
