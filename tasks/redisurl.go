package tasks

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

const (
	redisURLForm    = "redis://[user:password@]host:port/db, special characters of the password percent-encoded"
	sentinelURLForm = "redis-sentinel://[user:password@]host:port,host:port/db?master=NAME, special characters of a password percent-encoded"
)

// ParseRedisURL reads redis://[user[:password]@]host[:port][/db], or rediss:// for TLS, and go-redis' own settings as
// query parameters. Commands are never sent twice by the client and end with their context, whatever the URL says:
// a dequeue whose reply is lost and that is sent again loses a task. Errors never repeat the URL, which may hold a password.
// Sentinels and clusters are for [RedisConfig].
func ParseRedisURL(rawURL string) (*redis.Options, error) {
	site, err := parseRedisURL(rawURL)
	if err == nil && site.sentinels != nil {
		err = errors.New("the Redis URL's scheme redis-sentinel names no single server: make the client with RedisConfig, or Open the queue")
	}
	if err != nil {
		return nil, err
	}
	return site.options, nil
}

func parseRedisURL(rawURL string) (redisSite, error) {
	scheme, rest, _ := strings.Cut(rawURL, "://")
	switch scheme {
	case "redis", "rediss":
		options, err := parseServerURL(rawURL)
		if err != nil {
			return redisSite{}, errors.New("the Redis URL is malformed: write " + redisURLForm)
		}
		return redisSite{options: options}, nil
	case "redis-sentinel", "rediss-sentinel":
		return parseSentinelURL(strings.TrimSuffix(scheme, "-sentinel"), rest)
	default:
		return redisSite{}, errors.New("the Redis URL must start with redis://, rediss://, redis-sentinel:// or rediss-sentinel://, as in redis://localhost:6379/0")
	}
}

func parseServerURL(serverURL string) (*redis.Options, error) {
	options, err := redis.ParseURL(serverURL)
	if err != nil {
		return nil, err
	}
	options.MaxRetries = -1
	options.ContextTimeoutEnabled = true
	return options, nil
}

// parseSentinelURL reads what is behind the scheme as the URL of one server, but for the list of hosts and the Sentinels' own
// parameters.
func parseSentinelURL(scheme, rest string) (redisSite, error) {
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	at := strings.LastIndex(authority, "@") + 1
	var problems []error
	sentinels, err := parseAddrs(authority[at:], sentinelPort)
	if err != nil {
		problems = append(problems, errors.New("the Redis URL must name its Sentinels as "+sentinelURLForm+": "+err.Error()))
	}
	site := redisSite{sentinels: sentinels}
	one, err := url.Parse(scheme + "://" + authority[:at] + "sentinel" + tail)
	if err != nil {
		return redisSite{}, errors.Join(append(problems, errors.New("the Redis URL is malformed: write "+sentinelURLForm))...)
	}
	query := one.Query()
	site.master, site.user, site.password = query.Get("master"), query.Get("sentinel_username"), query.Get("sentinel_password")
	for _, ours := range []string{"master", "sentinel_username", "sentinel_password"} {
		query.Del(ours)
	}
	one.RawQuery = query.Encode()
	if site.master == "" {
		problems = append(problems, errors.New(
			"the Redis URL's scheme redis-sentinel needs the master's name: add ?master=NAME, as the Sentinels' configuration calls it"))
	}
	if site.user != "" && site.password == "" {
		problems = append(problems, errors.New("the Redis URL's sentinel_username needs sentinel_password: add it, or leave both out"))
	}
	if site.options, err = parseServerURL(one.String()); err != nil {
		problems = append(problems, errors.New("the Redis URL is malformed: write "+sentinelURLForm))
	} else if site.options.TLSConfig != nil {
		site.options.TLSConfig.ServerName = "" // each has its own
	}
	return site, errors.Join(problems...)
}

// parseAddrs reads host[:port],host[:port]. Its error names an address by its place: it may be a URL with a password.
func parseAddrs(list, defaultPort string) ([]string, error) {
	var addrs []string
	for i, text := range strings.Split(list, ",") {
		addr, ok := parseAddr(strings.TrimSpace(text), defaultPort)
		if !ok {
			return nil, errors.New("number " + strconv.Itoa(i+1) + " of the list is not host:port")
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

func parseAddr(text, defaultPort string) (addr string, ok bool) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		if host, port, err = net.SplitHostPort(text + ":" + defaultPort); err != nil {
			return "", false
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@?# ") {
		return "", false
	}
	return net.JoinHostPort(host, port), true
}
