package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// events are those of one way to an application, by type.
type events struct {
	mu   sync.Mutex
	seen map[string]string
}

func (e *events) add(kind, text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen == nil {
		e.seen = map[string]string{}
	}
	e.seen[kind] = text
}

func (e *events) all() map[string]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.seen)
}

// TestEventsOfACall: from a bind that is posted to a recording that is kept, an application is told
// of each, by a callback and over the stream of events. Neither holds a number or a link.
func TestEventsOfACall(t *testing.T) {
	t.Parallel()
	const pushed = "a-secret-of-the-test-0123"
	receiver, address := systemtest.FreeAddress(t), systemtest.FreeAddress(t)
	s := systemtest.New(t, dyplstest.Config{
		Calls:    dyplstest.Calls{Scale: 0.001},
		Receipts: dyplstest.Receipts{Push: dyplstest.PushAll("http://" + receiver + "/receipts/" + pushed), AnswerWithin: systemtest.StartWithin},
	})
	var called, streamed events
	application := takeIn(t, []string{secret}, func(_ string, body []byte, err error) {
		var event struct{ Type string }
		if err = errors.Join(err, json.Unmarshal(body, &event)); err != nil {
			t.Error(err)
		}
		called.add(event.Type, string(body))
	})
	tokens, token := newToken(t, s, "enqueue,read")
	endpoints := systemtest.TempFile(t, fmt.Sprintf(
		`{"endpoints":[{"name":"shop","url":%q,"secrets":[%q],"allow_private":true}]}`, application.URL, secret))
	for says, args := range map[string][]string{
		"receiving receipts": {"receive", "--receipts-listen", receiver, "--receipts-secret-file", systemtest.TempFile(t, pushed+"\n"), "--archive", "file://" + t.TempDir()},
		"serving the API":    {"serve", "--serve-listen", address, "--tokens", tokens, "--callbacks", endpoints},
	} {
		redistest.Poll(t, systemtest.StartWithin, args[0], systemtest.Start(t, s.Env, args...).Wrote(says))
	}
	s.Worker(t)
	follow(t, "http://"+address+"/v1/events", token, &streamed)

	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(1, `,"IsRecordingEnabled":true`), "--id", "order-1")
	if _, err := s.Simulator.PlaceCall(dyplstest.Dial{SubsID: s.Binding(t, "order-1").SubsID, Caller: "13912345678"}); err != nil {
		t.Fatal(err)
	}
	for way, told := range map[string]*events{"callback": &called, "event stream": &streamed} {
		redistest.Poll(t, systemtest.StartWithin, "each "+way, func(context.Context) error {
			seen := told.all()
			for _, kind := range []string{"task.finished", "call.ended", "recording.kept"} {
				if seen[kind] == "" {
					return fmt.Errorf("%s has not come, %d others have", kind, len(seen))
				}
			}
			return nil
		})
		for kind, text := range told.all() {
			systemtest.NoNumbers(t, "the "+way+" of "+kind, text)
			if strings.Contains(text, "Signature=") {
				t.Errorf("the %s of %s holds a signed link: %s", way, kind, text)
			}
		}
	}
}

// follow reads server-sent events until the test ends.
func follow(t *testing.T, url, token string, told *events) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", response, err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	go func() {
		kind := ""
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				kind = value
			case "data":
				told.add(kind, value)
			}
		}
	}()
}
