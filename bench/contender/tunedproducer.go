package contender

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

func (tuned) Producer(ctx context.Context, site Site) (Producer, error) {
	client := tunedClient(site.Redis, enqueuers)
	news := newMailbox[string]()
	subscription := client.Subscribe(ctx, announced)
	if _, err := subscription.Receive(ctx); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	p := &tunedProducer{
		newCounter(site.Redis, tunedQueue), client, asynq.NewClientFromRedisClient(client), subscription,
		news, site.Attempts,
	}
	if p.attempts == 0 {
		p.attempts = attempts
	}
	return p, nil
}

type tunedProducer struct {
	*counter

	client       *redis.Client
	asynq        *asynq.Client
	subscription *redis.PubSub
	news         *mailbox[string]
	attempts     int
}

func (p *tunedProducer) Enqueue(ctx context.Context, i int) error {
	payload, err := json.Marshal(bind(i))
	if err != nil {
		return err
	}
	_, err = p.asynq.EnqueueContext(ctx, asynq.NewTask(tunedType, payload),
		asynq.TaskID(ID(i)), asynq.Queue(tunedQueue), asynq.MaxRetry(p.attempts-1), asynq.Retention(keep))
	return err
}

func (p *tunedProducer) EnqueueBatch(ctx context.Context, from, n int) error {
	group, ctx := errgroup.WithContext(ctx)
	for first := range min(enqueuers, n) {
		group.Go(func() error {
			for i := first; i < n; i += enqueuers {
				if err := p.Enqueue(ctx, from+i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (p *tunedProducer) Do(ctx context.Context, i int) error {
	p.news.listen(func(told func(string)) {
		for message := range p.subscription.Channel() {
			told(message.Payload)
		}
	})
	arrived := p.news.expect(ID(i))
	if err := p.Enqueue(ctx, i); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-arrived:
		return p.client.Get(ctx, resultKey(ID(i))).Err()
	}
}

func (p *tunedProducer) Close() error {
	return errors.Join(p.subscription.Close(), p.client.Close(), p.redis.Close())
}
