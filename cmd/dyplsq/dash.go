package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const dashPort = "8080"

type dashCommand struct {
	redisFlags
	logFlags

	Listen string `default:"127.0.0.1:8080" env:"DYPLSQ_DASH_LISTEN" help:"Address to serve on (${default}). The dashboard has no password: keep it on loopback, or publish it there." placeholder:"ADDRESS"`
}

// Run serves the dashboard until ctx is done.
func (c *dashCommand) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	options, err := c.options()
	if err != nil {
		return err
	}
	listener, err := listen(c.Listen, dashPort)
	if err != nil {
		return err
	}
	if !isLoopback(listener) {
		log.Warn().Msg("the dashboard has no password: whoever reaches this address can read the queues")
	}
	handler, closeHandler := dashboard(options)
	defer closeHandler()
	log.Info().Str("url", "http://"+listener.Addr().String()+"/").Msg("dashboard, read-only")
	return serve(ctx, listener, handler)
}

// dashboard is asynqmon, read-only, showing of each task what its record lets an operator see.
func dashboard(options *redis.Options) (handler http.Handler, closeHandler func()) {
	client := redis.NewClient(options)
	queue := tasks.NewQueue(client)
	mon := asynqmon.New(asynqmon.Options{
		RedisConnOpt:     connections{options},
		ReadOnly:         true,
		PayloadFormatter: payloadFormatter{queue},
		ResultFormatter:  asynqmon.ResultFormatterFunc(func(string, []byte) string { return "" }),
	})
	return mon, func() {
		_ = mon.Close()
		_ = queue.Close()
		_ = client.Close()
	}
}

// connections gives asynqmon clients of its own, which it closes.
type connections struct{ options *redis.Options }

// MakeRedisClient implements asynq.RedisConnOpt.
func (c connections) MakeRedisClient() any {
	options := *c.options
	return redis.NewClient(&options)
}

// payloadFormatter shows a task's record in place of its payload, which is an id alone.
type payloadFormatter struct{ queue *tasks.Queue }

const viewTimeout = 2 * time.Second

// FormatPayload implements [asynqmon.PayloadFormatter].
func (f payloadFormatter) FormatPayload(_ string, data []byte) string {
	payload, err := tasks.DecodePayload(data)
	if err != nil {
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
