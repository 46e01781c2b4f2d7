package worker

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestNewChecksItsConfig: timeouts must nest, and everything wrong is said at once.
func TestNewChecksItsConfig(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	sound := Config{client: client, Caller: noCaller{}}
	tests := map[string]struct {
		change func(*Config)
		says   []string
	}{
		"sound":                       {change: func(*Config) {}},
		"nothing":                     {change: func(c *Config) { *c = Config{} }, says: []string{"Redis is missing", "Caller is missing"}},
		"HTTP as long as the claim":   {change: func(c *Config) { c.HTTPTimeout, c.ShutdownTimeout = claimLease, time.Minute }, says: []string{"claim lease"}},
		"HTTP as long as a shutdown":  {change: func(c *Config) { c.HTTPTimeout, c.ShutdownTimeout = 5*time.Second, 5*time.Second }, says: []string{"shutdown timeout"}},
		"fewer calls than queues":     {change: func(c *Config) { c.Concurrency = 3 }, says: []string{"Concurrency must be 4 to 10000"}},
		"negative attempts":           {change: func(c *Config) { c.MaxAttempts = -1 }, says: []string{"MaxAttempts must be 0 to"}},
		"outcomes that vanish":        {change: func(c *Config) { c.Retention = time.Second }, says: []string{"Retention must be 1m to"}},
		"several things wrong at all": {change: func(c *Config) { c.Fetchers, c.HTTPTimeout = -1, time.Hour }, says: []string{"Fetchers must be", "claim lease", "queue's timeout", "shutdown"}},
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

// TestNewChecksEveryNumber: a negative or absurd number is refused whichever it is, with its name;
// 0 is the default, and that is sound.
func TestNewChecksEveryNumber(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	kind := reflect.TypeFor[Config]()
	numbers := 0
	for i := range kind.NumField() {
		field := kind.Field(i)
		for _, value := range []float64{-1, 0, 1e18, math.NaN(), math.Inf(1)} {
			config := Config{client: client, Caller: noCaller{}}
			switch at := reflect.ValueOf(&config).Elem().Field(i); {
			case at.CanInt() && value == math.Trunc(value) && !math.IsInf(value, 0):
				at.SetInt(int64(value))
			case at.CanFloat():
				at.SetFloat(value)
			// 0 calls a second are no default
			case field.Type == reflect.TypeFor[map[string]float64]() && value != 0:
				config.QPS = map[string]float64{"BindAxn": value}
			default:
				continue
			}
			numbers++
			_, err := New(config)
			switch {
			case value == 0 && err != nil:
				t.Errorf("%s 0 is not the default: %v", field.Name, err)
			case value != 0 && (err == nil || !strings.Contains(err.Error(), field.Name)):
				t.Errorf("%s %v: %v", field.Name, value, err)
			}
		}
	}
	if numbers < 30 {
		t.Errorf("only %d numbers were tried", numbers)
	}
	if _, err := New(Config{client: client, Caller: noCaller{}, QPS: map[string]float64{"BindAxn": 0}}); err == nil {
		t.Error("a ceiling of no call a second is taken")
	}
}

// noCaller is never called.
type noCaller struct{ dypls.Caller }

// TestEveryKindIsRegistered: what can be enqueued can be performed.
func TestEveryKindIsRegistered(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	w, err := New(Config{client: client, Caller: noCaller{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range tasks.Kinds() {
		if _, known := w.kinds[asynqwire.TypePrefix+k.Action()]; !known {
			t.Errorf("%s can be enqueued, but no worker performs it", k.Action())
		}
	}
	if len(w.kinds) != len(tasks.Kinds()) {
		t.Errorf("%d kinds are performed, %d can be enqueued", len(w.kinds), len(tasks.Kinds()))
	}
}

func TestShares(t *testing.T) {
	t.Parallel()
	queues := dispatch.Queues()
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
