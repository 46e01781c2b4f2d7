package main

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

// ping notes how far away a Redis at the end of a line really is.
func (b *bench) ping(ctx context.Context, addr string) error {
	const pings = 20
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	for i := range pings {
		began := time.Now()
		if err := client.Ping(ctx).Err(); err != nil {
			return err
		}
		if i > 0 { // the first one connects
			b.pings = append(b.pings, time.Since(began))
		}
	}
	return nil
}

// pinged says what was found.
func (b *bench) pinged() string {
	if len(b.pings) == 0 {
		return ""
	}
	return " A PING over the 1 ms line took " + figure.Format(figure.Percentile(b.pings, 50).Seconds()*1000, 2) + " ms (median, before the load)."
}
