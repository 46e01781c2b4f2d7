package tasks

import (
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// cluster finds the nodes, and what a URL beside them says of all of them. A URL of another server
// is refused, not ignored: who set it may mean that one.
func (c RedisConfig) cluster() (redisSite, error) {
	var problems []error
	nodes, err := parseAddrs(c.ClusterNodes, redisPort)
	if err != nil {
		problems = append(
			problems,
			errors.New(
				"the Redis cluster's nodes must be host:port,host:port, without user or password: "+err.Error(),
			),
		)
	}
	if c.URL == "" {
		return redisSite{
				nodes:   nodes,
				options: &redis.Options{MaxRetries: -1, ContextTimeoutEnabled: true},
			}, errors.Join(
				problems...)
	}
	site, err := parseRedisURL(c.URL)
	switch {
	case err != nil:
		problems = append(problems, err)
	case site.sentinels != nil:
		problems = append(
			problems,
			errors.New("a Redis cluster has no Sentinels: unset its nodes, or the redis-sentinel URL"),
		)
	case nodes != nil && !slices.ContainsFunc(nodes, func(addr string) bool {
		return strings.EqualFold(addr, site.options.Addr)
	}):
		problems = append(problems, errors.New(
			"both a Redis URL and a cluster's nodes are set, and the URL's server is none of the nodes: unset one, or make it the URL of a node, "+
				"whose user, password, TLS and parameters then hold for all",
		))
	case site.options.DB != 0:
		problems = append(
			problems,
			errors.New("a Redis cluster has the database 0 alone: leave the database out of the Redis URL"),
		)
	}
	if site.options != nil && site.options.TLSConfig != nil {
		site.options.TLSConfig.ServerName = "" // each has its own
	}
	site.nodes = nodes
	return site, errors.Join(problems...)
}
