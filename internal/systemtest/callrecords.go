package systemtest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// FreeAddress is one on which a process is started again and again.
func FreeAddress(t *testing.T) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", redistest.FreePort(t))
}

// Bound has a worker make a binding, and returns it.
func (s *System) Bound(t *testing.T, id string) dypls.Binding {
	t.Helper()
	s.Enqueue(t, StatusOK, "BindAxn", Bind(1, ""), "--id", id)
	return s.Binding(t, id)
}

// Binding waits for a task that binds, and returns its binding.
func (s *System) Binding(t *testing.T, id string) (binding dypls.Binding) {
	t.Helper()
	if err := json.Unmarshal(s.Outcome(t, id, "60s").Result, &binding); err != nil {
		t.Fatal(err)
	}
	return binding
}

// Calls is the store of the system's calls.
func (s *System) Calls(t *testing.T) *calls.Store {
	t.Helper()
	store, err := calls.New(calls.Config{Redis: tasks.RedisConfig{
		URL:        s.Redis.URL(),
		CAFile:     s.Redis.CAFile,
		CertFile:   s.Redis.CertFile,
		KeyFile:    s.Redis.KeyFile,
		ServerName: s.Redis.ServerName,
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// CallRecords lists the records of all calls, by their ids, page by page.
func (s *System) CallRecords(t *testing.T) map[string]calls.Call {
	t.Helper()
	const day, limit = 24 * time.Hour, 1000
	store, got := s.Calls(t), map[string]calls.Call{}
	filter := calls.Filter{Since: time.Now().Add(-day), Limit: limit}
	for {
		page, next, err := store.List(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			if _, twice := got[c.ID]; twice {
				t.Errorf("%s is listed twice", c.ID)
			}
			got[c.ID] = c
		}
		if filter.Cursor = next; next == "" {
			return got
		}
	}
}

// ArchivedFiles is what stands in an archive that is a directory: the SHA-256 of each file, by its
// path below it. What a process that died was writing is no file of the archive: it is counted.
func ArchivedFiles(t *testing.T, root string) (found map[string]string, unfinished int) {
	t.Helper()
	found = map[string]string{}
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || e.IsDir():
			return err
		case strings.HasPrefix(name, root+"/.incoming/"):
			unfinished++
			return nil
		}
		text, err := os.ReadFile(name) //nolint:gosec // in the test's own directory
		sum := sha256.Sum256(text)
		found[strings.TrimPrefix(name, root+"/")] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, unfinished
}

// RecordingsKept holds an archive in a directory against the calls that were placed: the recording
// of each that has one is there once, where its record says, as the service has it, and with a note
// beside it. Nothing else is there. It returns how many there are, and what else was unfinished.
func (s *System) RecordingsKept(t *testing.T, root string) (kept, unfinished int) {
	t.Helper()
	records := s.CallRecords(t)
	found, unfinished := ArchivedFiles(t, root)
	for _, c := range s.Simulator.Calls() {
		is := records[c.CallID].Recording
		if !c.Recorded {
			if is.State != calls.RecordingNone {
				t.Errorf("%s has no recording, and its record says %+v", c.CallID, is)
			}
			continue
		}
		want := c.Recordings[0]
		day := c.CallTime.In(time.FixedZone("", 8*60*60)).Format("2006/01/02")
		name := strings.TrimPrefix(is.Location, "file://"+root+"/")
		note := strings.TrimSuffix(name, ".mp3") + ".json"
		switch {
		case is.State != calls.RecordingKept || is.SHA256 != want.SHA256 || is.Bytes != int64(want.Size):
			t.Errorf("the recording of %s is %+v, of the service %+v", c.CallID, is, want)
		case path.Dir(name) != "default/"+c.PoolKey+"/"+day:
			t.Errorf("the recording of %s is at %s", c.CallID, is.Location)
		case found[name] != want.SHA256 || found[note] == "":
			t.Errorf("%s is %q, want %s; its note: %q", name, found[name], want.SHA256, found[note])
		default:
			kept++
		}
		delete(found, name)
		delete(found, note)
	}
	if len(found) > 0 {
		t.Errorf("of no call, or there twice: %v", found)
	}
	return kept, unfinished
}
