package tasks

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ParseRedisURL reads redis://[user[:password]@]host[:port][/db], or rediss:// for TLS, and go-redis' own settings as
// query parameters. Commands are never sent twice by the client and end with their context, whatever the URL says:
// a dequeue whose reply is lost and that is sent again loses a task. Errors never repeat the URL, which may hold a password.
func ParseRedisURL(rawURL string) (*redis.Options, error) {
	scheme, _, _ := strings.Cut(rawURL, "://")
	switch scheme {
	case "redis", "rediss":
	case "redis-sentinel":
		return nil, errors.New("the Redis URL's scheme redis-sentinel is not supported yet: use redis:// or rediss:// to the master")
	default:
		return nil, errors.New("the Redis URL must start with redis:// or rediss://, as in redis://localhost:6379/0")
	}
	options, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, errors.New("the Redis URL is malformed: write redis://[user:password@]host:port/db, special characters of the password percent-encoded")
	}
	options.MaxRetries = -1
	options.ContextTimeoutEnabled = true
	return options, nil
}
