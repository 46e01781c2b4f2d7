package sealed

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/reseal"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestNothingAtRestShowsANumber: binds of every kind, an inventory, receipts of both ways,
// recordings, the HTTP API, callbacks, the console, and what people decide, with keys and with
// marked numbers. Neither a value or key of Redis, nor its append-only file, nor a log, nor a
// metric holds one, or an unkeyed hash of one. After another key was activated and everything
// sealed anew, all is read as before without the first.
func TestNothingAtRestShowsANumber(t *testing.T) {
	t.Parallel()
	n, d := newNeedles(), newDay(t)
	client := d.Redis.Client(t)
	d.perform(t)
	d.ask(t)
	d.call(t)
	d.look(t)
	d.search(t, n, "with the first key")
	stands := d.stands(t)
	for _, c := range stands.Kinds {
		if c.Clear > 0 || c.Sealed["k1"] == 0 && c.Kind != reseal.Other {
			t.Errorf("%+v", c)
		}
	}
	d.run(t, "", "keys", "new", d.keys, "--add", "--id", "k2")
	d.run(t, "", "keys", "activate", d.keys, "k2")
	for name, p := range d.processes {
		redistest.Poll(t, systemtest.StartWithin, name+" to read the keys again", p.Wrote(`"active":"k2"`))
	}
	redistest.Poll(t, systemtest.StartWithin, "all to be sealed anew", systemtest.Until(func() bool {
		return systemtest.Run(t, d.Env, "", "keys", "rotate").Status == systemtest.StatusOK
	}))
	d.run(t, "", "keys", "drop", d.keys, "k1")
	if stands = d.stands(t); !stands.Done() || stands.By("k2") < 100 {
		t.Errorf("%+v", stands)
	}
	d.Enqueue(t, systemtest.StatusOK, "BindAxn", "{"+second(request(80))+"}", "--id", "after", "--wait", "60s")
	d.look(t)
	d.search(t, n, "with the second key")
	if b := d.Binding(t, "order-0"); !strings.HasPrefix(string(b.SecretNo), "170"+mark) {
		t.Errorf("order-0 is bound to %s", b.SecretNo.Masked())
	}
	if keys := client.DBSize(t.Context()).Val(); keys < 100 {
		t.Errorf("%d keys are too few", keys)
	}
}

// stands counts what each key has sealed.
func (d *day) stands(t *testing.T) (r reseal.Report) {
	t.Helper()
	if err := json.Unmarshal([]byte(systemtest.Run(t, d.Env, "", "keys", "status", "--json").Out), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// search looks through everything.
func (d *day) search(t *testing.T, n needles, when string) {
	t.Helper()
	bytes := 0
	look := func(where, text string) {
		t.Helper()
		bytes += len(text)
		if hits := n.hits(text); len(hits) > 0 {
			slices.Sort(hits)
			t.Errorf("%s, %s holds %d, such as %v", when, where, len(hits), hits[:min(len(hits), 5)])
		}
	}
	values := everything(t, d.Redis.Client(t))
	for key, text := range values {
		look("the name of "+key, key)
		look(key, text)
	}
	files := 0
	err := filepath.WalkDir(d.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path) //nolint:gosec // the test's own
		look("the file "+entry.Name(), string(text))
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files of Redis, %v", files, err)
	}
	for name, p := range d.processes {
		look("the log of "+name, p.Text())
	}
	for name, url := range d.metrics {
		status, text := systemtest.Get(t, url)
		if status != 200 || !strings.Contains(text, "dyplsq_") {
			t.Errorf("%s: %d", url, status)
		}
		look("the metrics of "+name, text)
	}
	t.Logf("%s: %d keys of Redis, %d files, %d bytes", when, len(values), files, bytes)
}

// everything is each value of Redis by its key, whatever its type.
func everything(t *testing.T, client *redis.Client) map[string]string {
	t.Helper()
	all := map[string]string{}
	keys := client.Scan(t.Context(), 0, "*", 1000).Iterator()
	for keys.Next(t.Context()) {
		key := keys.Val()
		if client.Type(t.Context(), key).Val() == "stream" {
			all[key] = fmt.Sprint(client.XRange(t.Context(), key, "-", "+").Val())
			continue
		}
		value, err := client.Do(t.Context(), systemtest.ReadCommand(t.Context(), client, key)...).Result()
		if err != nil && err != redis.Nil { //nolint:errorlint // gone meanwhile
			t.Fatalf("read %s: %v", key, err)
		}
		all[key] = fmt.Sprint(value)
	}
	return all
}
