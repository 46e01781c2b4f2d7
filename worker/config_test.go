package worker

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestNewChecksItsConfig: timeouts must nest, and everything wrong is said at once.
func TestNewChecksItsConfig(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	sound := Config{Redis: client, Caller: noCaller{}}
	tests := map[string]struct {
		change func(*Config)
		says   []string
	}{
		"sound":                       {change: func(*Config) {}},
		"nothing":                     {change: func(c *Config) { *c = Config{} }, says: []string{"Redis is missing", "Caller is missing"}},
		"HTTP as long as the claim":   {change: func(c *Config) { c.HTTPTimeout, c.ShutdownTimeout = claimLease, time.Minute }, says: []string{"claim lease"}},
		"HTTP as long as a shutdown":  {change: func(c *Config) { c.HTTPTimeout, c.ShutdownTimeout = 5*time.Second, 5*time.Second }, says: []string{"shutdown timeout"}},
		"fewer calls than queues":     {change: func(c *Config) { c.Concurrency = 3 }, says: []string{"concurrency must be at least 4"}},
		"negative attempts":           {change: func(c *Config) { c.MaxAttempts = -1 }, says: []string{"max attempts"}},
		"outcomes that vanish":        {change: func(c *Config) { c.Keep = time.Second }, says: []string{"at least a minute"}},
		"several things wrong at all": {change: func(c *Config) { c.Fetchers, c.HTTPTimeout = -1, time.Hour }, says: []string{"fetchers", "claim lease", "queue's timeout", "shutdown"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := sound
			test.change(&config)
			_, err := New(config)
			if (err == nil) != (len(test.says) == 0) {
				t.Fatalf("error %v", err)
			}
			for _, text := range test.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("does not say %q: %v", text, err)
				}
			}
		})
	}
}

// noCaller is never called.
type noCaller struct{ dypls.Caller }

// TestEveryKindIsRegistered: what can be enqueued can be performed.
func TestEveryKindIsRegistered(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	w, err := New(Config{Redis: client, Caller: noCaller{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range tasks.Kinds() {
		if _, known := w.kinds[tasks.TypePrefix+k.Action()]; !known {
			t.Errorf("%s can be enqueued, but no worker performs it", k.Action())
		}
	}
	if len(w.kinds) != len(tasks.Kinds()) {
		t.Errorf("%d kinds are performed, %d can be enqueued", len(w.kinds), len(tasks.Kinds()))
	}
}

func TestShares(t *testing.T) {
	t.Parallel()
	queues := tasks.Queues()
	for slots := len(queues); slots <= 300; slots++ {
		total := 0
		for queue, share := range shares(queues, slots) {
			if share < 1 {
				t.Errorf("of %d slots %s has %d", slots, queue, share)
			}
			total += share
		}
		if total != slots {
			t.Errorf("%d slots are shared out, of %d", total, slots)
		}
	}
	if got := shares(queues, 64); got["bind"] < got["unbind"] || got["unbind"] < got["query"] {
		t.Errorf("64 slots: %v", got)
	}
}
