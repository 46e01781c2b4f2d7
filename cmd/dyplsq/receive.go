package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/metrics"
)

type receiveCommand struct {
	redisFlags
	receiptsFlags
	logFlags
	metricsFlags

	Account   string        `default:"default" env:"DYPLSQ_ACCOUNT" help:"The account of the numbers, as the workers know it (${default}): a push does not say whose it is." placeholder:"NAME"`
	KeepCalls time.Duration `default:"720h" env:"DYPLSQ_KEEP_CALLS" help:"How long a call is kept after its last receipt (${default})." placeholder:"DURATION"`
}

// Run takes in receipts and merges them into calls until ctx is done.
func (c *receiveCommand) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	redisConfig, redisErr := c.given()
	door, doorErr := c.check()
	accountErr := accountProblem(c.Account, "give the name that the workers know the account by")
	if err := errors.Join(redisErr, doorErr, accountErr); err != nil {
		return usage(err.Error())
	}
	c.warn(door, log)
	m := metrics.NewReceipts(string(calls.Duplicate), string(calls.Unread))
	store, err := calls.New(calls.Config{
		Redis:  redisConfig,
		Keep:   c.KeepCalls,
		Logger: log,
		Trace: calls.Trace{
			PushDone:    func(p calls.Push) { m.PushDone(p.Type, p.Status, p.Took) },
			ReceiptDone: func(r calls.ReceiptEnd) { m.ReceiptDone(r.Type, string(r.Result), r.Lag) },
		},
	})
	if err != nil {
		return usage(err.Error())
	}
	defer func() { _ = store.Close() }()
	handler, err := store.Handler(calls.HandlerConfig{Secrets: door.secrets, Account: c.Account})
	if err != nil {
		return usage("--receipts-secret-file: " + err.Error())
	}
	listener, err := listen("--receipts-listen", c.ReceiptsListen, receiptsPort)
	if err != nil {
		return err
	}
	shown, err := c.open(ctx, c.redisFlags, log, func(_ context.Context, client redis.UniversalClient) endpoints {
		m.CollectWaiting(store.Waiting) //nolint:contextcheck // a scrape has no context
		return endpoints{metrics: m.Handler(), alive: health{}.alive, ready: receiverReady(client)}
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := newServer(door.guard(handler), door.certificate, log)
	log.Info().Str("url", urlOf(listener, server)+"receipts/").Msg("receiving receipts")
	merging, stop := context.WithCancel(ctx)
	merged := make(chan error, 1)
	go func() {
		err := store.Run(merging)
		stop()
		merged <- err
	}()
	err = serveWith(merging, listener, server)
	stop()
	return errors.Join(err, <-merged, shown.close())
}

// receiverReady says whether a push would be stored.
func receiverReady(client redis.UniversalClient) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		defer cancel()
		answers := checkRedis(calls.CheckWrite(ctx, client))
		status := http.StatusOK
		if !answers.OK {
			status = http.StatusServiceUnavailable
		}
		writeHealth(w, status, readiness{Ready: answers.OK, Checks: map[string]check{"redis": answers}})
	}
}
