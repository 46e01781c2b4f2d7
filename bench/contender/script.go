package contender

import (
	"context"
	"errors"
	"os/exec"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/bench/handrolled"
)

// Script is the hand-rolled worker: asynq and Alibaba's runtime with their usual settings, results
// by ResultWriter, callers that poll the Inspector.
func Script() Contender { return script{} }

type script struct{}

func (script) Name() string { return "script" }

func (s script) Worker(site Site, slots int) (*exec.Cmd, error) {
	return own(s.Name(), site, slots)
}

func runScript(site Site, slots int) error {
	api, err := handrolled.NewAPI(handrolled.APIConfig{
		Endpoint: site.host(), Protocol: "HTTP", AccessKeyID: site.KeyID, AccessKeySecret: site.Secret,
	})
	if err != nil {
		return err
	}
	return handrolled.NewWorker(site.Redis, api, slots).Run()
}

func (script) Producer(_ context.Context, site Site) (Producer, error) {
	producer := handrolled.NewProducer(site.Redis)
	if site.Attempts > 0 {
		producer.MaxRetry = site.Attempts - 1
	}
	return &scriptProducer{producer, newCounter(site.Redis, handrolled.Queue)}, nil
}

type scriptProducer struct {
	*handrolled.Producer
	*counter
}

func (p *scriptProducer) Enqueue(ctx context.Context, i int) error {
	return p.Producer.Enqueue(ctx, ID(i), handBind(i))
}

// EnqueueBatch is a loop: asynq has no more.
func (p *scriptProducer) EnqueueBatch(ctx context.Context, from, n int) error {
	for i := range n {
		if err := p.Enqueue(ctx, from+i); err != nil {
			return err
		}
	}
	return nil
}

// inspectEvery is a tenth of what the script's own load waits between two looks at a task.
const inspectEvery = 100 * time.Millisecond

func (p *scriptProducer) Do(ctx context.Context, i int) error {
	if err := p.Enqueue(ctx, i); err != nil {
		return err
	}
	tick := time.NewTicker(inspectEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if _, err := p.Result(ID(i)); !errors.Is(err, handrolled.ErrPending) {
			return err
		}
	}
}

func (p *scriptProducer) Close() error { return errors.Join(p.Producer.Close(), p.redis.Close()) }

// counter counts what asynq has finished.
type counter struct {
	redis *redis.Client
	queue string
}

func newCounter(addr, queue string) *counter {
	return &counter{redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1}), queue}
}

// Finished are those that succeeded, which is what was processed without a failure, and those that
// were given up.
func (c *counter) Finished(ctx context.Context) (int, error) {
	prefix := "asynq:{" + c.queue + "}:"
	var processed, failed *redis.StringCmd
	var archived *redis.IntCmd
	_, err := c.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		processed, failed = p.Get(ctx, prefix+"processed"), p.Get(ctx, prefix+"failed")
		archived = p.ZCard(ctx, prefix+"archived")
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, err
	}
	done, _ := processed.Int() // where there is none yet, none
	wrong, _ := failed.Int()
	return done - wrong + int(archived.Val()), nil
}
