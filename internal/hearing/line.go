// Package hearing keeps subscriptions to channels of Redis, on every topology. What they bring is a
// hint and never the truth: Redis publishes at most once, and a connection may be lost without a
// word. Whoever relies on what is told reads it.
package hearing

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// pulse is after how much silence the server is asked whether it is there. It has as long to
	// answer.
	pulse = 3 * time.Second
	// A subscription that broke is made anew after a pause, which doubles until one is in force.
	firstPause, mostPause = 200 * time.Millisecond, 2 * time.Second
)

// Line is a subscription that is made anew whenever it breaks. go-redis' own channel pings without
// waiting for the pong, stays with a node that no longer has the slot, and knocks at a dead node
// until something else asks where the slots are.
type Line struct {
	Client   redis.UniversalClient
	Channels []string
	Sharded  bool // the channels are in slots of a cluster
	// InForce is called each time that a channel is heard from now on: what was published before may
	// have been missed.
	InForce func(channel string)
	// Lost is called each time that nothing is heard any more, until a channel is in force again;
	// nobody by default.
	Lost func()
	Hear func(*redis.Message)
}

// Keep hears until ctx is done, and returns nil. It ends before that where nothing will be heard:
// with [redis.ErrClosed] when the client is closed, and with Redis' own error where Redis does not
// know such channels.
func (l Line) Keep(ctx context.Context) error {
	pause := firstPause
	for {
		inForce, err := l.hear(ctx)
		if inForce && l.Lost != nil {
			l.Lost()
		}
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the end that was asked for
		case record.IsUnknownCommand(err):
			return err
		case errors.Is(err, redis.ErrClosed) && l.closed(ctx):
			return redis.ErrClosed
		}
		if cluster, is := l.Client.(*redis.ClusterClient); is {
			cluster.ReloadState(ctx)
		}
		if inForce {
			pause = firstPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		pause = min(2*pause, mostPause)
	}
}

// closed tells a client that was closed from a cluster's node that is one no longer.
func (l Line) closed(ctx context.Context) bool {
	return errors.Is(l.Client.Ping(ctx).Err(), redis.ErrClosed)
}

// hear hears one subscription until it breaks, and reports whether it ever was in force.
func (l Line) hear(ctx context.Context) (inForce bool, err error) {
	pubsub := l.subscribe(ctx)
	defer func() { _ = pubsub.Close() }()
	defer context.AfterFunc(ctx, func() { _ = pubsub.Close() })() // nothing else interrupts a read
	asked := false
	for {
		event, err := pubsub.ReceiveTimeout(ctx, pulse)
		if timeout, is := errors.AsType[net.Error](err); is && timeout.Timeout() && !asked {
			asked = true
			if err = pubsub.Ping(ctx); err != nil {
				return inForce, err
			}
			continue
		}
		if err != nil {
			return inForce, err
		}
		asked = false
		switch event := event.(type) {
		case *redis.Subscription:
			if event.Kind != "subscribe" && event.Kind != "ssubscribe" { // the slot has moved
				return inForce, nil
			}
			inForce = true
			l.InForce(event.Channel)
		case *redis.Message:
			l.Hear(event)
		}
	}
}

func (l Line) subscribe(ctx context.Context) *redis.PubSub {
	if l.Sharded {
		return l.Client.SSubscribe(ctx, l.Channels...)
	}
	return l.Client.Subscribe(ctx, l.Channels...)
}
