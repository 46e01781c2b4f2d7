package main

import (
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// redisFlags say where Redis is. There is no default: a queue that nobody looks into would lose
// tasks silently.
type redisFlags struct {
	keysFlags

	RedisURL          string `env:"REDIS_URL" help:"Redis, as redis://[user:password@]host:port/db, or redis-sentinel://[user:password@]host,host/db?master=NAME; rediss:// and rediss-sentinel:// for TLS." name:"redis-url" placeholder:"URL"`
	RedisClusterNodes string `env:"REDIS_CLUSTER_NODES" help:"Nodes of a Redis cluster, as host:port,host:port; user, password and TLS are those of --redis-url, the URL of one of them." name:"redis-cluster-nodes" placeholder:"NODES"`
	RedisCAFile       string `env:"REDIS_CA_FILE" help:"Certificates (PEM) of the authorities that Redis is trusted by; the system's otherwise." name:"redis-ca-file" placeholder:"FILE"`
	RedisCertFile     string `env:"REDIS_CERT_FILE" help:"Certificate (PEM) to show to Redis, with --redis-key-file." name:"redis-cert-file" placeholder:"FILE"`
	RedisKeyFile      string `env:"REDIS_KEY_FILE" help:"Its key (PEM)." name:"redis-key-file" placeholder:"FILE"`
	RedisServerName   string `env:"REDIS_SERVER_NAME" help:"Name in Redis' certificate, where it is not the host that is connected to." name:"redis-server-name" placeholder:"NAME"`
	Shards            int    `default:"1" env:"DYPLSQ_SHARDS" help:"Queues over which the tasks of each kind are spread, 1 to 64 (${default}): on a cluster two or more for each master; the same for all producers and workers."`
}

func (f redisFlags) config() tasks.RedisConfig {
	return tasks.RedisConfig{
		URL:          f.RedisURL,
		ClusterNodes: f.RedisClusterNodes,
		CAFile:       f.RedisCAFile,
		CertFile:     f.RedisCertFile,
		KeyFile:      f.RedisKeyFile,
		ServerName:   f.RedisServerName,
	}
}

// client connects with a pool of at least so many connections; 0 leaves it to the URL.
//
//nolint:ireturn // one server, or many
func (f redisFlags) client(poolSize int) (redis.UniversalClient, error) {
	if _, err := f.keys(); err != nil {
		return nil, err
	}
	config := f.config()
	config.PoolSize = poolSize
	return connect(config)
}

// queue opens a queue there.
func (f redisFlags) queue(config tasks.Config) (*tasks.Queue, error) {
	redis, err := f.given()
	if err != nil {
		return nil, err
	}
	config.Redis, config.Shards, config.Keys = redis, f.Shards, f.sealing()
	queue, err := tasks.New(config)
	if err != nil {
		return nil, usage(err.Error())
	}
	return queue, nil
}

// given is where Redis is, if that is said, and the keys can be read.
func (f redisFlags) given() (tasks.RedisConfig, error) {
	config := f.config()
	if err := checkGiven(config); err != nil {
		return config, err
	}
	_, err := f.keys()
	return config, err
}

// calls opens the store of calls there.
func (f redisFlags) calls(config calls.Config) (*calls.Store, error) {
	redis, err := f.given()
	if err != nil {
		return nil, err
	}
	config.Redis, config.Keys = redis, f.sealing()
	store, err := calls.New(config)
	if err != nil {
		return nil, usage(err.Error())
	}
	return store, nil
}

// numbers are the inventories there.
func (f redisFlags) numbers(client redis.UniversalClient) *inventory.Inventory {
	return inventory.New(client, inventory.AsLeased).WithKeys(f.sealing())
}

// log is the audit there.
func (f redisFlags) log(client redis.UniversalClient) *audit.Log {
	return audit.New(client).WithKeys(f.sealing())
}

func checkGiven(config tasks.RedisConfig) error {
	if config.URL == "" && config.ClusterNodes == "" {
		return usage(
			"REDIS_URL is not set: set it, or --redis-url, to the queue's Redis, such as redis://localhost:6379/0, or REDIS_CLUSTER_NODES",
		)
	}
	return nil
}

//nolint:ireturn // one server, or many
func connect(config tasks.RedisConfig) (redis.UniversalClient, error) {
	if err := checkGiven(config); err != nil {
		return nil, err
	}
	client, err := config.Client()
	if err != nil {
		return nil, usage(err.Error())
	}
	return client, nil
}
