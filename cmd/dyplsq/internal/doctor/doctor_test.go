package doctor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// patient is a Redis to be examined, and what its examination is told.
type patient struct {
	doctor.Config

	client *redis.Client
}

var healthy = []string{"--appendonly", "yes", "--appendfsync", "always", "--maxmemory", "100mb"}

func newPatient(t *testing.T, args ...string) *patient {
	t.Helper()
	return patientOn(t, redistest.Start(t, args...).Client(t))
}

func patientOn(t *testing.T, client *redis.Client) *patient {
	t.Helper()
	return &patient{client: client, Config: doctor.Config{
		Redis: client, Endpoint: "https://api.example", Reach: func(context.Context) (doctor.Reached, error) { return doctor.Reached{Clock: time.Now()}, nil },
		Credentials: func(context.Context) (string, error) { return "the environment", nil },
	}}
}

// examine returns the findings by check; where there are several, all that they say, and the worst
// verdict.
func (p *patient) examine(t *testing.T) map[string]doctor.Finding {
	t.Helper()
	findings := map[string]doctor.Finding{}
	err := doctor.Run(t.Context(), p.Config, func(f doctor.Finding) {
		if (f.Verdict == doctor.OK) != (f.Remedy == "") {
			t.Errorf("%+v", f)
		}
		if before, several := findings[f.Check]; several {
			f.Found, f.Remedy = before.Found+"\n"+f.Found, before.Remedy+"\n"+f.Remedy
			f.Verdict = max(f.Verdict, before.Verdict) // "ok" < "warning" < "will lose data"
		}
		findings[f.Check] = f
	})
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

func (p *patient) want(t *testing.T, check string, verdict doctor.Verdict, says ...string) {
	t.Helper()
	f := p.examine(t)[check]
	if f.Verdict != verdict {
		t.Errorf("%s: %s, want %s: %s", check, f.Verdict, verdict, f.Found)
	}
	for _, text := range says {
		if !strings.Contains(f.Found+f.Remedy, text) {
			t.Errorf("%s does not say %q: %s. %s", check, text, f.Found, f.Remedy)
		}
	}
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	for _, queue := range dispatch.Queues() {
		p.client.SAdd(t.Context(), "asynq:queues", queue)
	}
	findings := p.examine(t)
	for _, check := range []string{
		"redis", "proxy", "eviction", "persistence", "memory", "clock", "queues", "workers", "agreement", "active", "archive", "uncertain", "numbers", "accounts", "quota",
		"credentials", "endpoint", "settings",
	} {
		want := doctor.OK
		if check == "workers" {
			want = doctor.Warning // there is none
		}
		if f := findings[check]; f.Verdict != want || f.Found == "" {
			t.Errorf("%s: %+v", check, f)
		}
	}
	if keys := p.client.Keys(t.Context(), "*").Val(); len(keys) != 1 {
		t.Errorf("the examination has left %q", keys)
	}
}

// What does not concern Redis is examined all the same.
func TestOutOfReach(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := patientOn(t, server.Client(t))
	server.Kill()
	p.Settings = errors.New("the HTTP timeout must be below the shutdown timeout\nand another")
	p.Credentials = func(context.Context) (string, error) { return "", errors.New("no credentials") }
	p.Reach = func(context.Context) (doctor.Reached, error) {
		return doctor.Reached{Via: "proxy:3128"}, errors.New("refused")
	}
	findings := map[string]doctor.Finding{}
	err := doctor.Run(t.Context(), p.Config, func(f doctor.Finding) { findings[f.Check] = f })
	if !errors.Is(err, tasks.ErrUnreachable) || len(findings) != 4 {
		t.Errorf("%v, %+v", err, findings)
	}
	for check, f := range findings {
		if f.Verdict != doctor.Warning || strings.Contains(f.Found, "\n") {
			t.Errorf("%s: %+v", check, f)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := doctor.Run(canceled, p.Config, func(doctor.Finding) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// A managed Redis that hides its settings is told what to look at, and is not taken for a bad one.
func TestHidden(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	if err := p.client.Do(t.Context(), "ACL", "SETUSER", "shy", "on", ">secret", "~*", "&*", "+@all", "-info", "-config").Err(); err != nil {
		t.Fatal(err)
	}
	shy := redis.NewClient(&redis.Options{Addr: p.client.Options().Addr, Username: "shy", Password: "secret", MaxRetries: -1})
	t.Cleanup(func() { _ = shy.Close() })
	p.Redis = shy
	for _, check := range []string{"redis", "eviction", "persistence", "memory"} {
		p.want(t, check, doctor.Warning, "does not tell")
	}
	p.want(t, "clock", doctor.OK)
	p.Now = func() time.Time { return time.Now().Add(-3 * time.Second) }
	p.want(t, "clock", doctor.Warning, "behind Redis")
}
