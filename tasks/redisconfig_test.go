package tasks_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// client makes a client that ends with the test.
func client(t *testing.T, config tasks.RedisConfig) redis.UniversalClient {
	t.Helper()
	made, err := config.Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close() })
	return made
}

// TestOneServer: what go-redis' URLs can say, RedisConfig can.
func TestOneServer(t *testing.T) {
	t.Parallel()
	config := tasks.RedisConfig{URL: "rediss://app:s3cret@db.example.com/3?read_timeout=7s&pool_size=5&max_retries=9", PoolSize: 40, ServerName: "redis"}
	o := client(t, config).(*redis.Client).Options()
	if o.Addr != "db.example.com:6379" || o.Username != "app" || o.Password != "s3cret" || o.DB != 3 || o.ReadTimeout != 7*time.Second {
		t.Errorf("%+v", o)
	}
	if o.MaxRetries != 0 || !o.ContextTimeoutEnabled || o.PoolSize != 40 { // -1 becomes 0
		t.Errorf("MaxRetries %d, ContextTimeoutEnabled %t, PoolSize %d", o.MaxRetries, o.ContextTimeoutEnabled, o.PoolSize)
	}
	if o.TLSConfig == nil || o.TLSConfig.ServerName != "redis" {
		t.Errorf("TLS %+v", o.TLSConfig)
	}
	o = client(t, tasks.RedisConfig{URL: "redis://h?pool_size=50&dial_timeout=1m", PoolSize: 40, Timeout: time.Second}).(*redis.Client).Options()
	if o.PoolSize != 50 || o.DialTimeout != time.Second || o.ReadTimeout != time.Second || o.PoolTimeout != time.Second {
		t.Errorf("%+v", o)
	}
}

func TestSentinelURL(t *testing.T) {
	t.Parallel()
	config := tasks.RedisConfig{
		URL: "rediss-sentinel://app:s3c%2Fret@a:1,[::1],c/4?master=main&sentinel_username=sam&sentinel_password=t%26p&write_timeout=9s", PoolSize: 40,
	}
	o := client(t, config).(*redis.Client).Options()
	if o.Username != "app" || o.Password != "s3c/ret" || o.DB != 4 || o.WriteTimeout != 9*time.Second || o.PoolSize != 40 || o.MaxRetries != 0 {
		t.Errorf("%+v", o)
	}
	if o.TLSConfig == nil || o.TLSConfig.ServerName != "" {
		t.Errorf("TLS %+v: every server has a name of its own", o.TLSConfig)
	}
}

func TestClusterNodes(t *testing.T) {
	t.Parallel()
	o := client(t, tasks.RedisConfig{ClusterNodes: "a:1, b,[::1]:7", PoolSize: 40}).(*redis.ClusterClient).Options()
	if !slices.Equal(o.Addrs, []string{"a:1", "b:6379", "[::1]:7"}) || o.TLSConfig != nil || o.PoolSize != 40 {
		t.Errorf("%+v", o)
	}
	if o.MaxRetries != 0 && o.MaxRetries != -1 || !o.ContextTimeoutEnabled || o.MaxRedirects < 1 {
		t.Errorf("MaxRetries %d, ContextTimeoutEnabled %t, MaxRedirects %d", o.MaxRetries, o.ContextTimeoutEnabled, o.MaxRedirects)
	}
	o = client(t, tasks.RedisConfig{ClusterNodes: "a:1,b", URL: "rediss://app:s3cret@B?read_timeout=7s"}).(*redis.ClusterClient).Options()
	if o.Username != "app" || o.Password != "s3cret" || o.TLSConfig == nil || o.TLSConfig.ServerName != "" || o.ReadTimeout != 7*time.Second {
		t.Errorf("%+v", o)
	}
	if o = client(t, tasks.RedisConfig{ClusterNodes: "a", ServerName: "redis"}).(*redis.ClusterClient).Options(); o.TLSConfig == nil || o.TLSConfig.ServerName != "redis" {
		t.Errorf("TLS without a URL: %+v", o.TLSConfig)
	}
}

// TestRefusedRedis: everything at once, and never a password.
func TestRefusedRedis(t *testing.T) {
	t.Parallel()
	noPEM := filepath.Join(t.TempDir(), "no.pem")
	if err := os.WriteFile(noPEM, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		config tasks.RedisConfig
		says   []string
	}{
		"nothing":             {tasks.RedisConfig{}, []string{"no Redis is named"}},
		"another scheme":      {tasks.RedisConfig{URL: "http://:s3cret@h"}, []string{"must start with redis://"}},
		"no master":           {tasks.RedisConfig{URL: "redis-sentinel://:s3cret@a,b/0"}, []string{"?master=NAME"}},
		"master as path":      {tasks.RedisConfig{URL: "redis-sentinel://:s3cret@a,b/main?sentinel_username=u"}, []string{"?master=NAME", "malformed", "sentinel_password"}},
		"no Sentinel":         {tasks.RedisConfig{URL: "redis-sentinel://:s3cret@/0?master=m"}, []string{"number 1 of the list"}},
		"a bad Sentinel":      {tasks.RedisConfig{URL: "redis-sentinel://:s3cret@a,b:port?master=m"}, []string{"number 2 of the list"}},
		"a slash in password": {tasks.RedisConfig{URL: "redis-sentinel://app:s3cret/more@a,b?master=m"}, []string{"percent-encode"}},
		"unknown parameter":   {tasks.RedisConfig{URL: "redis-sentinel://a?master=m&colour=s3cret"}, []string{"malformed"}},
		"a bad node":          {tasks.RedisConfig{ClusterNodes: "a:1,redis://:s3cret@b:2"}, []string{"number 2 of the list"}},
		"two Redises": {
			tasks.RedisConfig{ClusterNodes: "a:1", URL: "redis://:s3cret@b:1"}, []string{"none of the nodes"},
		},
		"a cluster's database": {tasks.RedisConfig{ClusterNodes: "a:1", URL: "redis://:s3cret@a:1/2"}, []string{"database 0 alone"}},
		"a cluster's Sentinel": {tasks.RedisConfig{ClusterNodes: "a:1", URL: "redis-sentinel://:s3cret@a:1?master=m"}, []string{"no Sentinels"}},
		"certificates without TLS": {
			tasks.RedisConfig{URL: "redis://:s3cret@h", ServerName: "redis"}, []string{"rediss://"},
		},
		"all at once": {
			tasks.RedisConfig{URL: "redis://:s3cret@h/many", CAFile: noPEM, CertFile: noPEM, ClusterNodes: "a:b"},
			[]string{"malformed", "holds no certificate", "belong together", "number 1 of the list"},
		},
		"files that are not there": {
			tasks.RedisConfig{URL: "rediss://h", CAFile: "/nonexistent/ca", CertFile: "/nonexistent/cert", KeyFile: noPEM},
			[]string{"CA file for Redis cannot be read", "certificate and key files for Redis cannot be used"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, err := test.config.Client()
			if err == nil {
				_ = made.Close()
				t.Fatal("it was taken")
			}
			for _, text := range test.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("does not say %q:\n%v", text, err)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("tells the password: %v", err)
			}
		})
	}
}

// TestSentinelPasswords: Sentinels and Redis each have a user and password of their own.
func TestSentinelPasswords(t *testing.T) {
	t.Parallel()
	site := redistest.StartSentinel(t)
	if err := client(t, tasks.RedisConfig{URL: site.URL()}).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Error(err)
	}
	for name, url := range map[string]string{
		"Redis":    strings.Replace(site.URL(), "app:", "app:wrong", 1),
		"Sentinel": strings.Replace(site.URL(), "sentinel_password=", "sentinel_password=wrong", 1),
	} {
		err := client(t, tasks.RedisConfig{URL: url}).Set(t.Context(), "k", "v", 0).Err()
		if err == nil || strings.Contains(err.Error(), "wrong") {
			t.Errorf("a wrong password of %s: %v", name, err)
		}
	}
}
