package contender

import (
	"context"
	"os"
	"os/exec"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Ours is dyplsq as users run it: the real program, tasks enqueued by the library.
func Ours(program string) Contender { return ours{program: program} }

// Sealed is the same with keys, which are written to a file: everything that may hold a number is
// sealed in Redis.
func Sealed(program, file string) (Contender, error) {
	ring := seal.NewFile("bench")
	if err := os.WriteFile(file, ring.Marshal(), 0o600); err != nil {
		return nil, err
	}
	keys, err := seal.Of(ring)
	return ours{program, file, keys}, err
}

type ours struct {
	program string
	file    string     // of the keys; "": there are none
	keys    *seal.Keys // the same
}

// Name is what tables call it.
func (o ours) Name() string {
	if o.keys.On() {
		return "dyplsq, keys"
	}
	return "dyplsq"
}

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
	if o.file != "" {
		cmd.Env = append(cmd.Env, "DYPLSQ_KEYS_FILE="+o.file)
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

func clientOf(site Site) (redis.UniversalClient, error) {
	config := tasks.RedisConfig{URL: "redis://" + site.Redis + "/0"}
	if site.Shards > 0 {
		config = tasks.RedisConfig{ClusterNodes: site.Redis}
	}
	return config.Client()
}

// Stock gives the binds' pool an inventory, from which the worker takes an X for each.
func (o ours) Stock(ctx context.Context, site Site, numbers []dypls.Phone) error {
	client, err := clientOf(site)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	all := make([]inventory.Number, len(numbers))
	for i, x := range numbers {
		all[i].X = x
	}
	_, err = inventory.New(client, inventory.AsLeased).WithKeys(o.keys).Import(
		ctx, dyplstest.DefaultPoolKey, all,
	)
	return err
}

// Producer connects to the queue.
func (o ours) Producer(_ context.Context, site Site) (Producer, error) {
	client, err := clientOf(site)
	if err != nil {
		return nil, err
	}
	queue, err := tasks.New(tasks.Config{Client: client, Shards: site.Shards, Keys: o.keys})
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
		items[i] = tasks.Item[dypls.BindAXNRequest]{
			Request: bind(from + i), Options: []tasks.Option{tasks.TaskID(ID(from + i))},
		}
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
