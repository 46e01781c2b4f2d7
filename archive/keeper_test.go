package archive

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
)

// TestRecordingsAreKeptOnce: downloads are cut, truncated, refused and so slow that their links die
// meanwhile; receipts come twice and out of order; three keepers share the work. Each recording is
// in the store once, as the service has it.
func TestRecordingsAreKeptOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{
		Receipts:   dyplstest.Receipts{Duplicates: 0.3, OutOfOrder: 0.3},
		Recordings: dyplstest.Recordings{LinkLife: 2 * time.Second},
		Faults: []dyplstest.Fault{
			{Action: "GetObject", Do: dyplstest.Cut, Rate: 0.4, First: 3},
			{Action: "GetObject", Do: dyplstest.Truncate, Rate: 0.3, First: 2},
			{Action: "GetObject", Do: dyplstest.Slow, Delay: 3 * time.Second, Rate: 0.1, First: 1},
			{Action: "GetObject", Code: "ServiceUnavailable", Rate: 0.2, First: 2},
			{Action: "GetObject", Do: dyplstest.DropBefore, Rate: 0.2, First: 2},
			{Action: "QueryRecordFileDownloadUrl", Code: "isp.SYSTEM_ERROR", Rate: 0.1, First: 1},
		},
	})
	for range 3 {
		w.keep()
	}
	w.place(60)
	w.reach(calls.RecordingKept)
	w.keptOnce()
	if n := w.ends[Kept]; n != 60 {
		t.Errorf("%d were put into the store", n)
	}
	if missing, err := w.calls.MissingRecordings(t.Context()); err != nil || missing != (calls.RecordingsMissing{}) {
		t.Errorf("%+v, %v", missing, err)
	}
	for _, hidden := range []string{"12345678", "Signature", "OSSAccessKeyId", secret} {
		if strings.Contains(w.log.String(), hidden) {
			t.Errorf("the log shows %s", hidden)
		}
	}
}
