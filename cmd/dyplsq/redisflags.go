package main

import (
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// redisFlags say where Redis is. There is no default: a queue that nobody looks into would lose tasks silently.
type redisFlags struct {
	RedisURL          string `env:"REDIS_URL" help:"Redis, as redis://[user:password@]host:port/db, or rediss:// for TLS." name:"redis-url" placeholder:"URL"`
	RedisClusterNodes string `env:"REDIS_CLUSTER_NODES" hidden:"" name:"redis-cluster-nodes"`
}

func (f redisFlags) options() (*redis.Options, error) {
	if f.RedisClusterNodes != "" {
		return nil, usage("REDIS_CLUSTER_NODES is not supported yet: unset it and set REDIS_URL to a single Redis")
	}
	if f.RedisURL == "" {
		return nil, usage("REDIS_URL is not set: set it, or --redis-url, to the queue's Redis, such as redis://localhost:6379/0")
	}
	options, err := tasks.ParseRedisURL(f.RedisURL)
	if err != nil {
		return nil, usage(err.Error())
	}
	return options, nil
}

// client connects with a pool of at most so many connections; 0 leaves it to the URL.
func (f redisFlags) client(poolSize int) (*redis.Client, error) {
	options, err := f.options()
	if err != nil {
		return nil, err
	}
	if poolSize > 0 {
		options.PoolSize = max(options.PoolSize, poolSize)
	}
	return redis.NewClient(options), nil
}
