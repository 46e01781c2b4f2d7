package tasks_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestConfigOutOfBoundsIsRefused: a record that is kept for a moment would end its key's
// protection, and the request could be made a second time under it. No queue is made that could.
func TestConfigOutOfBoundsIsRefused(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	for name, test := range map[string]struct {
		field  string
		config tasks.Config
	}{
		"kept for less than nothing":      {"Retention", tasks.Config{Retention: -5 * time.Second}},
		"kept for 59 s":                   {"Retention", tasks.Config{Retention: 59 * time.Second}},
		"kept for ever":                   {"Retention", tasks.Config{Retention: math.MaxInt64}},
		"recordings of less than nothing": {"RecordingRetention", tasks.Config{RecordingRetention: -time.Hour}},
		"recordings for ever":             {"RecordingRetention", tasks.Config{RecordingRetention: math.MaxInt64}},
		"fewer replicas than none":        {"WaitReplicas", tasks.Config{WaitReplicas: -1}},
		"more replicas than any":          {"WaitReplicas", tasks.Config{WaitReplicas: 1 << 30}},
		"fewer shards than none":          {"Shards", tasks.Config{Shards: -1}},
		"65 shards":                       {"Shards", tasks.Config{Shards: 65}},
		"two places":                      {"Client", tasks.Config{Redis: tasks.RedisConfig{URL: "redis://127.0.0.1:1"}}},
	} {
		test.config.Client = client
		queue, err := tasks.New(test.config)
		invalid, ok := errors.AsType[*dypls.ValidationError](err)
		if queue != nil || !ok || len(invalid.Problems) != 1 || invalid.Problems[0].Field != test.field || invalid.Problems[0].Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConfigTellsEverythingAtOnce: what is wrong with the settings beside what is wrong with Redis.
func TestConfigTellsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	_, err := tasks.New(tasks.Config{
		Redis: tasks.RedisConfig{URL: "http://127.0.0.1:1"}, Shards: -1, WaitReplicas: -1, Retention: -1, RecordingRetention: -1,
	})
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, want := range []string{"redis://", "4 problems", "Shards", "WaitReplicas", "Retention", "RecordingRetention"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing is said of %s: %v", want, err)
		}
	}
	if _, err := tasks.New(tasks.Config{}); err == nil || !strings.Contains(err.Error(), "no Redis is named") {
		t.Errorf("without a Redis: %v", err)
	}
}

// TestTaskOptionsOutOfBoundsAreRefused: nothing is not no bound, and no task is put off for longer
// than anything lives.
func TestTaskOptionsOutOfBoundsAreRefused(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	unbind := dypls.UnbindSubscriptionRequest{PoolKey: "FC1", SubsID: "1", SecretNo: numberX}
	for name, test := range map[string]struct {
		field  string
		option tasks.Option
	}{
		"within nothing": {"Within", tasks.Within(0)}, "within less": {"Within", tasks.Within(-time.Second)}, "within 292 years": {"Within", tasks.Within(math.MaxInt64)},
		"in the past": {"ProcessIn", tasks.ProcessIn(-time.Second)}, "in 228 years": {"ProcessIn", tasks.ProcessIn(2_000_000 * time.Hour)},
	} {
		_, err := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, unbind, test.option)
		invalid, ok := errors.AsType[*dypls.ValidationError](err)
		if !ok || invalid.Problems[0].Field != test.field || invalid.Problems[0].Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if keys := dump(t, s.client); len(keys) != 0 {
		t.Errorf("something was written: %v", keys)
	}
	for _, option := range []tasks.Option{tasks.Within(time.Millisecond), tasks.ProcessIn(0)} {
		if _, err := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, unbind, option); err != nil {
			t.Error(err)
		}
	}
}
