package doctor_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestRedis: a Redis that is set up badly, each way by itself.
func TestRedis(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	host, port := "127.0.0.1", master.Addr[len("127.0.0.1:"):]
	tests := map[string]struct {
		args    []string
		check   string
		verdict doctor.Verdict
		says    []string
	}{
		"allkeys-lru":      {[]string{"--maxmemory-policy", "allkeys-lru"}, "eviction", doctor.Loses, []string{"allkeys-lru", "noeviction"}},
		"volatile-ttl":     {[]string{"--maxmemory-policy", "volatile-ttl"}, "eviction", doctor.Loses, []string{"volatile-ttl"}},
		"no persistence":   {nil, "persistence", doctor.Loses, []string{"neither", "appendonly yes"}},
		"snapshots":        {[]string{"--save", "3600", "1"}, "persistence", doctor.Loses, []string{"snapshots alone (save 3600 1)"}},
		"fsync no":         {[]string{"--appendonly", "yes", "--appendfsync", "no"}, "persistence", doctor.Loses, []string{"appendfsync always"}},
		"fsync everysec":   {[]string{"--appendonly", "yes"}, "persistence", doctor.Loses, []string{"loses acknowledged writes", "appendfsync always", "waits for the disk"}},
		"fsync always":     {[]string{"--appendonly", "yes", "--appendfsync", "always"}, "persistence", doctor.OK, []string{"loses nothing"}},
		"a torn file":      {healthy, "persistence", doctor.OK, []string{"aof-load-truncated yes", "a running worker notices", "binds pause"}},
		"none loaded":      {append([]string{"--aof-load-truncated", "no"}, healthy...), "persistence", doctor.OK, []string{"does not start", "redis-check-aof --fix"}},
		"a replica":        {[]string{"--replicaof", host + " " + port}, "redis", doctor.Loses, []string{"replica", "master"}},
		"cluster, no node": {[]string{"--cluster-enabled", "yes"}, "redis", doctor.Warning, []string{"REDIS_CLUSTER_NODES"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newPatient(t, test.args...).want(t, test.check, test.verdict, test.says...)
		})
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	p.client.SetRange(t.Context(), "much", 32<<20, "x") // beside which the rest hardly varies
	used, err := strconv.Atoi(p.client.InfoMap(t.Context(), "memory").Item("Memory", "used_memory"))
	if err != nil {
		t.Fatal(err)
	}
	for percent, verdict := range map[int]doctor.Verdict{20: doctor.OK, 85: doctor.Warning, 98: doctor.Loses} {
		p.client.ConfigSet(t.Context(), "maxmemory", strconv.Itoa(used*100/percent))
		p.want(t, "memory", verdict, "of maxmemory")
	}
	p.client.ConfigSet(t.Context(), "maxmemory", "0")
	p.want(t, "memory", doctor.OK, "no maxmemory is set")
}

func TestClock(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	for off, verdict := range map[time.Duration]doctor.Verdict{
		0: doctor.OK, time.Second: doctor.OK, 5 * time.Second: doctor.Warning, -5 * time.Second: doctor.Warning, 40 * time.Second: doctor.Loses, -time.Hour: doctor.Loses,
	} {
		p.Now = func() time.Time { return time.Now().Add(off) }
		p.want(t, "clock", verdict, "Redis")
	}
}

// The proxies of Alibaba Cloud: what they say stands in their manual.
func TestProxy(t *testing.T) {
	t.Parallel()
	behind := func(strict bool) *patient {
		m := miniredis.RunT(t)
		m.Server().SetPreHook(func(c *server.Peer, cmd string, args ...string) bool {
			switch {
			case cmd == "INFO" && len(args) == 2:
				c.WriteBulk("slot:12182 node_index:0\r\n")
			case strict && cmd == "EVAL":
				c.WriteError("ERR bad lua script for redis cluster, all the keys that the script uses should be passed using the KEYS array, and KEYS should not be in expression")
			default:
				return false
			}
			return true
		})
		client := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1})
		t.Cleanup(func() { _ = client.Close() })
		return patientOn(t, client)
	}
	behind(true).want(t, "proxy", doctor.Loses, "script_check_enable", "standard instance")
	behind(false).want(t, "proxy", doctor.OK, "script_check_enable is 0")
}
