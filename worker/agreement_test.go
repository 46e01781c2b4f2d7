package worker

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/agreement"
)

// ofOneWorker are the fields of Config that may differ, and why.
var ofOneWorker = map[string]string{
	"Redis":           "the way there; workers of another Redis are no others",
	"RedisHook":       "of the process",
	"AsynqPlain":      "how this process talks to Redis; records and queues are the same",
	"Logger":          "of the process",
	"Trace":           "of the process",
	"TracerProvider":  "of the process",
	"Concurrency":     "of the process",
	"Fetchers":        "of the process",
	"HTTPTimeout":     "any that is allowed nests in the claim's lease, which all workers have the same",
	"ShutdownTimeout": "of the process",
	"Keys":            "each value names the key that opens it; a worker without that leaves the task to the others",
	"Callers":         "a worker leaves tasks of an account that it does not know to the others; presence tells of it by itself",
}

// TestEverySettingIsSharedOrOwn: of each field of Config it is decided whether all workers should
// have the same; what should be the same is told to the others, and it is said what holds
// meanwhile.
func TestEverySettingIsSharedOrOwn(t *testing.T) {
	t.Parallel()
	api := dyplstest.Start(t, dyplstest.Config{})
	elsewhere := dyplstest.Start(t, dyplstest.Config{})
	base := Config{Caller: callerOf(t, api)}.withDefaults()
	told := map[string]bool{}
	for field := range reflect.TypeFor[Config]().Fields() {
		if !field.IsExported() {
			continue
		}
		config := base
		value := reflect.ValueOf(&config).Elem().FieldByIndex(field.Index)
		switch field.Name {
		case "Caller":
			config.Caller = callerOf(t, elsewhere)
		case "Callers":
			config.Callers = map[string]dypls.Caller{"shop": config.Caller}
		case "QPS":
			config.QPS = map[string]float64{"BindAxn": 7}
		default:
			switch value.Kind() { //nolint:exhaustive // what else there is changes nothing
			case reflect.Int, reflect.Int64:
				value.SetInt(value.Int() + 1)
			case reflect.Float64:
				value.SetFloat(value.Float() + 1)
			case reflect.String:
				value.SetString("other")
			case reflect.Bool:
				value.SetBool(!value.Bool())
			}
		}
		var differs []string
		before, after := base.shared(), config.shared()
		for name := range after {
			if before[name] != after[name] {
				differs = append(differs, name)
			}
		}
		_, own := ofOneWorker[field.Name]
		switch {
		case own && differs != nil:
			t.Errorf("%s is a worker's own, and it is told as %s", field.Name, differs)
		case !own && len(differs) != 1:
			t.Errorf("%s is told as %s: decide whether all workers should have the same, and tell it, or add it to ofOneWorker", field.Name, differs)
		}
		for _, name := range differs {
			if setting.WhileDiffering(name) == "" {
				t.Errorf("nobody says what holds while workers differ in %s", name)
			}
			if strings.HasPrefix(name, setting.QPSVariable) {
				name = setting.QPSVariable
			}
			told[name] = true
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(setting.Shared)), slices.Sorted(maps.Keys(told))); diff != "" {
		t.Errorf("settings that are described (-), and told (+):\n%s", diff)
	}
}

// TestWhatIsToldIsNoSecret: no credential is among the settings.
func TestWhatIsToldIsNoSecret(t *testing.T) {
	t.Parallel()
	api := dyplstest.Start(t, dyplstest.Config{})
	for name, value := range (Config{Caller: callerOf(t, api)}).withDefaults().shared() {
		for _, secret := range []string{dyplstest.DefaultAccessKeyID, api.AccessKeySecret} {
			if strings.Contains(value, secret) {
				t.Errorf("%s holds a credential", name)
			}
		}
	}
}

// TestWorkerTellsAndLeaves: a worker is known as long as it runs, with its settings, and gone when
// it has ended.
func TestWorkerTellsAndLeaves(t *testing.T) { //nolint:tparallel // it has ended when its part has
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client(t)
	t.Run("runs", func(t *testing.T) {
		newWorkerHarnessOn(t, server, quick, dyplstest.Config{}, func(c *Config) { c.NumberCooldown = time.Hour })
		redistest.Poll(t, outcomeWithin, "the worker to be known", knownWorkers(client, 1))
		workers, err := presence.Workers(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		if w := workers[0]; w.Settings[agreement.Cooldown] != "1h" || w.Settings[agreement.Keep] != "24h" || !strings.Contains(w.Name, ":") {
			t.Errorf("%+v", w)
		}
	})
	redistest.Poll(t, outcomeWithin, "the worker to be gone", knownWorkers(client, 0))
}

// knownWorkers waits, for use with redistest.Poll, until so many workers are known.
func knownWorkers(client redis.UniversalClient, n int) func(context.Context) error {
	return func(ctx context.Context) error {
		workers, err := presence.Workers(ctx, client)
		if err == nil && len(workers) != n {
			err = fmt.Errorf("%d are", len(workers))
		}
		return err
	}
}
