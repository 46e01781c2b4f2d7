package receipts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestReceiptsFromQueuesWhoseTokensEnd: tokens end again and again, one request in ten is denied
// in between, and one queue does not exist: the others are pulled on, and metrics, health, log
// and doctor tell of that one.
func TestReceiptsFromQueuesWhoseTokensEnd(t *testing.T) {
	t.Parallel()
	const life, renewals = 2 * time.Second, 12
	l := newLine(t, dyplstest.Config{
		Calls:    dyplstest.Calls{Scale: 0.001},
		Receipts: dyplstest.Receipts{Queues: map[string]string{"SecretReport": reportQueue, "SecretRecording": recordingQueue}, TokenLife: life, Visibility: 2 * time.Second},
		Faults: []dyplstest.Fault{
			{Action: "BatchReceiveMessage", Code: "AccessDenied", Rate: 0.1},
			{Action: "BatchDeleteMessage", Code: "AccessDenied", Rate: 0.1},
		},
	})
	l.Env = append(l.Env, "DYPLSQ_RECEIPTS_QUEUE=SecretReport="+reportQueue+",SecretRecording="+recordingQueue+",SecretStartReport="+missingQueue)
	p := systemtest.Start(t, l.Env, "receive", "--metrics-listen", "127.0.0.1:0")
	redistest.Poll(t, systemtest.StartWithin, "the missing queue to be told", p.Wrote("queue of receipts resting"))
	url := regexp.MustCompile(`"url":"(http[^"]*)/metrics"`).FindStringSubmatch(p.Text())[1]

	placed := 0
	redistest.Poll(t, systemtest.StartWithin, "tokens to be renewed", func(context.Context) error {
		l.place(t, placed) //nolint:contextcheck // a call outlives who places it
		placed++
		_, page := systemtest.Get(t, url+"/metrics") //nolint:contextcheck // the test's own
		if n := systemtest.Metric(t, page, `dyplsq_receipt_tokens_total{result="ok",type="SecretReport"}`); n < renewals {
			return fmt.Errorf("%v tokens", n)
		}
		return nil
	})
	redistest.Poll(t, systemtest.StartWithin, "all receipts to be sent", func(context.Context) error {
		if n, want := len(l.Simulator.Receipts()), 2*placed-(placed+4)/5; n != want {
			return fmt.Errorf("%d of %d", n, want)
		}
		return nil
	})
	l.eachHasOneRecord(t, l.allArrived(t, systemtest.StartWithin))

	var page string
	redistest.Poll(t, systemtest.StartWithin, "both queues to be pulled", func(context.Context) error {
		_, page = systemtest.Get(t, url+"/metrics") //nolint:contextcheck // the test's own
		for _, queue := range []string{reportQueue, recordingQueue} {
			if !regexp.MustCompile(`dyplsq_receipt_queue_up\{queue="` + queue + `",type="\w+"\} 1\n`).MatchString(page + "\n") {
				return errors.New(queue + " is not pulled")
			}
		}
		return nil
	})
	if up := systemtest.Metric(t, page, `dyplsq_receipt_queue_up{queue="`+missingQueue+`",type="SecretStartReport"}`); up != 0 {
		t.Errorf("a queue that does not exist is up: %v", up)
	}
	if n := systemtest.Metric(t, page, `dyplsq_receipt_messages_total{result="stored",type="SecretReport"}`); int(n) < placed {
		t.Errorf("%v messages of %d calls", n, placed)
	}
	status, text := systemtest.Get(t, url+"/readyz")
	if status != http.StatusOK || !strings.Contains(text, missingQueue+" rests") {
		t.Errorf("status %d: %s", status, text)
	}
	doctorTells(t, l)
	if status := p.Terminate(t, syscall.SIGTERM); status != systemtest.StatusOK {
		t.Errorf("exit status %d", status)
	}
	systemtest.NoNumbers(t, "the log", p.Text())
	t.Logf("%d calls, %d receipts, %v tokens of one queue", placed, len(l.Simulator.Receipts()), renewals)
}

// doctorTells: it opens each queue, says that one does not exist, and takes
// nothing out of the others.
func doctorTells(t *testing.T, l *line) {
	t.Helper()
	before := fetched(l)
	l.Simulator.ClearFaults()
	r := systemtest.Run(t, l.Env, "", "doctor", "--json")
	systemtest.NoNumbers(t, "doctor", r.Out+r.Errors)
	told := map[string]string{}
	for text := range systemtest.Lines(r.Out) {
		var f struct{ Check, Verdict, Found, Remedy string }
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Fatal(err)
		}
		told[f.Check] += f.Verdict + ": " + f.Found + ". " + f.Remedy + "\n"
	}
	for check, says := range map[string][]string{
		"pulling":  {"will lose data: " + missingQueue + " of SecretStartReport", "QueueNotExist", "console", "ok: " + reportQueue + " of SecretReport is open"},
		"receiver": {"ok: a receiver takes these settings"},
		"receipts": {"ok: 0 pushes wait"},
	} {
		for _, words := range says {
			if !strings.Contains(told[check], words) {
				t.Errorf("doctor's %s does not say %q: %s", check, words, told[check])
			}
		}
	}
	if r.Status != systemtest.StatusFailed {
		t.Errorf("doctor: exit status %d", r.Status)
	}
	if after := fetched(l); after != before {
		t.Errorf("%d messages were taken by a look", after-before)
	}
}

func fetched(l *line) (n int) {
	for _, r := range l.Simulator.Receipts() {
		n += r.Fetched
	}
	return n
}
