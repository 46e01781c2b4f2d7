package contender

import (
	"context"
	"os/exec"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Ours is dyplsq as users run it: the real program, tasks enqueued by the library.
func Ours(program string) Contender { return ours{program} }

type ours struct{ program string }

func (ours) Name() string { return "dyplsq" }

// Worker: of a worker's calls half are the bind queue's, so that it is told twice as many. The
// others stay idle.
func (o ours) Worker(site Site, slots int) (*exec.Cmd, error) {
	const queues = 4 // each needs one
	cmd := exec.Command(o.program, "worker")
	cmd.Env = []string{
		redisSetting(site), "DYPLSQ_ENDPOINT=" + site.Endpoint,
		"ALIBABA_CLOUD_ACCESS_KEY_ID=" + site.KeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + site.Secret,
		"DYPLSQ_CONCURRENCY=" + strconv.Itoa(max(2*slots, queues)), "DYPLSQ_LOG_FORMAT=json",
		"DYPLSQ_QPS_BINDAXN=" + strconv.Itoa(noCeiling),
	}
	if site.Shards > 0 {
		cmd.Env = append(cmd.Env, "DYPLSQ_SHARDS="+strconv.Itoa(site.Shards))
	}
	if site.Attempts > 0 {
		cmd.Env = append(cmd.Env, "DYPLSQ_MAX_ATTEMPTS="+strconv.Itoa(site.Attempts))
	}
	return cmd, nil
}

func redisSetting(site Site) string {
	if site.Shards > 0 {
		return "REDIS_CLUSTER_NODES=" + site.Redis
	}
	return "REDIS_URL=redis://" + site.Redis + "/0"
}

// noCeiling is above what any contender reaches: the API itself says what it allows.
const noCeiling = 100_000

func (ours) Producer(_ context.Context, site Site) (Producer, error) {
	config := tasks.RedisConfig{URL: "redis://" + site.Redis + "/0"}
	if site.Shards > 0 {
		config = tasks.RedisConfig{ClusterNodes: site.Redis}
	}
	client, err := config.Client()
	if err != nil {
		return nil, err
	}
	queue, err := tasks.New(tasks.Config{Client: client, Shards: site.Shards})
	if err != nil {
		return nil, err
	}
	return &ourProducer{client, queue}, nil
}

type ourProducer struct {
	redis redis.UniversalClient
	queue *tasks.Queue
}

func (p *ourProducer) Enqueue(ctx context.Context, i int) error {
	_, err := tasks.BindAXN.Enqueue(ctx, p.queue, bind(i), tasks.TaskID(ID(i)))
	return err
}

func (p *ourProducer) EnqueueBatch(ctx context.Context, from, n int) error {
	items := make([]tasks.Item[dypls.BindAXNRequest], n)
	for i := range items {
		items[i] = tasks.Item[dypls.BindAXNRequest]{Request: bind(from + i), Options: []tasks.Option{tasks.TaskID(ID(from + i))}}
	}
	_, err := tasks.BindAXN.EnqueueAll(ctx, p.queue, items)
	return err
}

func (p *ourProducer) Do(ctx context.Context, i int) error {
	if err := p.Enqueue(ctx, i); err != nil {
		return err
	}
	_, err := tasks.BindAXN.Wait(ctx, p.queue, ID(i))
	return err
}

// Finished: every outcome is told in a stream.
func (p *ourProducer) Finished(ctx context.Context) (int, error) {
	n, err := p.redis.XLen(ctx, record.Stream).Result()
	return int(n), err
}

// Used returns how many attempts the tasks from 0 to n have used up: the most that one has, and all
// together.
func (p *ourProducer) Used(ctx context.Context, n int) (most, all int, err error) {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = ID(i)
	}
	outcomes, err := p.queue.Outcomes(ctx, ids...)
	for _, o := range outcomes {
		most, all = max(most, o.Attempts), all+o.Attempts
	}
	return most, all, err
}

func (p *ourProducer) Close() error {
	err := p.queue.Close()
	_ = p.redis.Close()
	return err
}
