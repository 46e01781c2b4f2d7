package doctor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestASentinelIsNoServer: it answers PING and INFO as a server does, and nothing else is asked of
// it.
func TestASentinelIsNoServer(t *testing.T) {
	t.Parallel()
	address := redistest.StartSentinel(t).SentinelAddr()
	client := redis.NewClient(&redis.Options{Addr: address, Username: "sam", Password: "of-sentinels", MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	p := patientOn(t, client)
	p.want(t, "redis", doctor.Loses, "this is a Sentinel", "redis-sentinel://HOST:26379/0?master=NAME")
	for check := range p.examine(t) {
		switch check {
		case "redis", "credentials", "endpoint", "apiclock", "settings":
		default:
			t.Errorf("%s was examined on a Sentinel", check)
		}
	}
}

// TestARedisThatTakesNoWritesIsExamined: one whose snapshots fail refuses even a PING. What it is
// and what to do is told, and everything else that it answers is examined all the same. No sentence
// ends with a stop before its remedy.
func TestARedisThatTakesNoWritesIsExamined(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	p := newPatient(t, "--save", "3600 1", "--dir", home)
	p.client.Set(t.Context(), "k", "v", 0)
	if err := os.RemoveAll(home); err != nil {
		t.Fatal(err)
	}
	redistest.Poll(t, time.Minute, "a snapshot to fail", func(ctx context.Context) error {
		_ = p.client.BgSave(ctx)
		if err := p.client.Set(ctx, "k", "v", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "MISCONF") {
			return errors.New("not yet")
		}
		return nil
	})
	p.want(t, "redis", doctor.Loses, "cannot save to its disk", "free space", "standalone")
	p.want(t, "persistence", doctor.Loses, "the latest one failed")
	p.want(t, "queues", doctor.Warning, "tasks that wait or are performed")
	for check, f := range p.examine(t) {
		if strings.HasSuffix(f.Found, ".") || strings.HasSuffix(f.Found, " ") {
			t.Errorf("%s ends with a stop: %q", check, f.Found)
		}
	}
}

// TestDoctorSaysWhatTheGuaranteesSay: doctor, docs/redis.md, the runbook and the guarantees
// recommend the same Redis.
func TestDoctorSaysWhatTheGuaranteesSay(t *testing.T) {
	t.Parallel()
	p := newPatient(t, "--appendonly", "yes")
	for fsync, loses := range map[string]bool{"always": false, "everysec": true, "no": true} {
		p.client.ConfigSet(t.Context(), "appendfsync", fsync)
		f := p.examine(t)["persistence"]
		if lost := strings.Contains(f.Found, "loses acknowledged writes"); lost != loses || loses && !strings.Contains(f.Remedy, "appendfsync always") {
			t.Errorf("%s: %+v", fsync, f)
		}
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if guarantees := read("docs/guarantees.md"); !strings.Contains(guarantees, "`appendfsync everysec` loses acknowledged writes") {
		t.Error("docs/guarantees.md does not say what everysec loses")
	}
	recommended := regexp.MustCompile(`appendfsync[ "=,]+(always|everysec|no)`)
	for name, loses := range map[string]string{
		"docs/redis.md": "", "docs/zh-CN/redis.md": "", "docs/operations.md": "", "docs/zh-CN/operations.md": "", "docker-compose.yml": "", "docs/guarantees.md": "`appendfsync everysec` loses",
	} {
		text := read(name)
		settings := recommended.FindAllStringSubmatchIndex(text, -1)
		if settings == nil {
			t.Errorf("%s does not name appendfsync", name)
		}
		for _, at := range settings {
			if value := text[at[2]:at[3]]; value != "always" && (loses == "" || !strings.HasPrefix(text[at[0]-1:], loses)) {
				t.Errorf("%s recommends appendfsync %s", name, value)
			}
		}
	}
}
