package tasks

import (
	"time"

	"github.com/redis/go-redis/v9"
)

// SetClock replaces a queue's clock.
func SetClock(q *Queue, now func() time.Time) { q.now = now }

// OptionsOf is what a client of a configuration is made with, and the Sentinels' password.
func OptionsOf(c RedisConfig) (options *redis.Options, ofSentinels string, err error) {
	site, err := c.site()
	return site.options, site.password, err
}

// ParseRedisURL reads the URL of one server.
func ParseRedisURL(rawURL string) (*redis.Options, error) {
	site, err := parseRedisURL(rawURL)
	return site.options, err
}
