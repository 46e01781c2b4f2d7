package tasks

import (
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redisdial"
)

// RedisConfig says where Redis is: one server, the master that Sentinels know, or a cluster.
type RedisConfig struct {
	// URL is one of
	//
	//	redis://[user[:password]@]host[:port][/db]
	//	redis-sentinel://[user[:password]@]host[:port],host[:port]...[/db]?master=NAME
	//
	// or rediss:// and rediss-sentinel:// for TLS, with go-redis' own settings as query parameters.
	// The user and password are Redis'; those of the Sentinels are the parameters sentinel_username
	// and sentinel_password.
	URL string
	// ClusterNodes are some nodes of a cluster, as host:port,host:port: the others are found through
	// them. URL may then be empty; a redis:// or rediss:// URL of one of these nodes gives user,
	// password, TLS and parameters of them all.
	ClusterNodes string

	// CAFile holds the certificates (PEM) of the authorities that servers are trusted by: the system's
	// by default. This and the next settings need TLS, which a cluster without a URL is given by them.
	CAFile string
	// CertFile and KeyFile are what this program shows of itself (PEM).
	CertFile, KeyFile string
	// ServerName is the name in the servers' certificates: the host that is connected to by default,
	// which a cluster and Sentinels may tell as an address.
	ServerName string

	// PoolSize is how many connections there may be, to each node of a cluster, unless URL allows
	// more; 0 leaves it to URL.
	PoolSize int
	// Timeout bounds connecting, reading, writing and waiting for a connection, whatever URL says; 0
	// leaves them to URL.
	Timeout time.Duration
}

// redisSite is where a URL or a list of nodes leads.
type redisSite struct {
	options *redis.Options // of each server, all of them but the address

	nodes     []string // of a cluster
	sentinels []string
	master    string
	user      string // of the Sentinels
	password  string
}

// Client returns a client, which does not wait for a connection: of one server or of a master a
// [redis.Client], of a cluster a [redis.ClusterClient]. Commands are never sent twice by the client
// and end with their context, whatever the URL says: a dequeue whose reply is lost and that is sent
// again loses a task. A cluster's client follows a slot that has moved all the same. Everything
// that is wrong with the settings is said at once, and no error repeats the URL or a node,
// which may hold a password.
//
// It dials for 4 seconds at most, unless the URL's dial_timeout says otherwise, tells a server with
// TLS from one without, and leaves connections that lead to a server which takes no writes, as
// behind a proxy after a failover.
func (c RedisConfig) Client() (redis.UniversalClient, error) { //nolint:ireturn // one server, or many
	site, err := c.site()
	if err != nil {
		return nil, err
	}
	o := site.options
	o.PoolSize = max(o.PoolSize, c.PoolSize)
	if c.Timeout > 0 {
		o.DialTimeout, o.ReadTimeout = c.Timeout, c.Timeout
		o.WriteTimeout, o.PoolTimeout = c.Timeout, c.Timeout
	}
	dialer := redisdial.Install(o)
	client := site.client()
	dialer.Watch(client)
	return client, nil
}

func (s redisSite) client() redis.UniversalClient { //nolint:ireturn // one server, or many
	switch {
	case s.nodes != nil:
		return redis.NewClusterClient(ofMany(s.options, s.nodes).Cluster())
	case s.sentinels != nil:
		all := ofMany(s.options, s.sentinels)
		all.MasterName, all.SentinelUsername, all.SentinelPassword = s.master, s.user, s.password
		return redis.NewFailoverClient(all.Failover())
	default:
		return redis.NewClient(s.options)
	}
}

func (c RedisConfig) site() (site redisSite, err error) {
	var problems []error
	switch {
	case c.ClusterNodes != "":
		site, err = c.cluster()
	case c.URL == "":
		err = errNoRedis
	default:
		site, err = parseRedisURL(c.URL)
	}
	if err != nil {
		problems = append(problems, err)
	}
	if site.options == nil { // what is known of TLS must do
		site.options = &redis.Options{}
	}
	if err = c.secure(site.options, err == nil); err != nil {
		problems = append(problems, err)
	}
	return site, errors.Join(problems...)
}

// ofMany are the options of one server, for several.
func ofMany(o *redis.Options, addrs []string) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs:                   addrs,
		DB:                      o.DB,
		ClientName:              o.ClientName,
		Protocol:                o.Protocol,
		Username:                o.Username,
		Password:                o.Password,
		TLSConfig:               o.TLSConfig,
		Dialer:                  o.Dialer,
		DialerRetries:           o.DialerRetries,
		MaxRetries:              o.MaxRetries,
		MinRetryBackoff:         o.MinRetryBackoff,
		MaxRetryBackoff:         o.MaxRetryBackoff,
		DialTimeout:             o.DialTimeout,
		ReadTimeout:             o.ReadTimeout,
		WriteTimeout:            o.WriteTimeout,
		ContextTimeoutEnabled:   o.ContextTimeoutEnabled,
		PoolFIFO:                o.PoolFIFO,
		PoolSize:                o.PoolSize,
		PoolTimeout:             o.PoolTimeout,
		MaxConcurrentDials:      o.MaxConcurrentDials,
		MinIdleConns:            o.MinIdleConns,
		MaxIdleConns:            o.MaxIdleConns,
		MaxActiveConns:          o.MaxActiveConns,
		ConnMaxIdleTime:         o.ConnMaxIdleTime,
		ConnMaxLifetime:         o.ConnMaxLifetime,
		ConnMaxLifetimeJitter:   o.ConnMaxLifetimeJitter,
		PipelinePoolSize:        o.PipelinePoolSize,
		PipelineReadBufferSize:  o.PipelineReadBufferSize,
		PipelineWriteBufferSize: o.PipelineWriteBufferSize,
	}
}
