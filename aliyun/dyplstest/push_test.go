package dyplstest_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// receiver is an application that takes pushes.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	bodies []string
	paths  []string
}

// newReceiver answers each push, counted from 0, as it is told.
func newReceiver(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	t.Helper()
	rc := &receiver{}
	rc.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rc.mu.Lock()
		n := len(rc.bodies)
		rc.bodies, rc.paths = append(rc.bodies, string(body)), append(rc.paths, r.Method+" "+r.URL.Path)
		rc.mu.Unlock()
		answer(n, w, r)
	}))
	t.Cleanup(rc.Close)
	return rc
}

func accept(_ int, w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"code":0,"msg":"OK"}`)
}

func (rc *receiver) got() []string {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return slices.Clone(rc.bodies)
}

// all are addresses for every type of receipt.
func (rc *receiver) all() map[string]string {
	return dyplstest.PushAll(rc.URL + "/receipts")
}

// until waits for something that is about to happen.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// settled waits until n receipts were sent and none is on its way.
func settled(t *testing.T, s *dyplstest.Server, n int) []dyplstest.Receipt {
	t.Helper()
	var all []dyplstest.Receipt
	until(t, "all receipts to be settled", func() bool {
		all = s.Receipts()
		return len(all) >= n && !slices.ContainsFunc(all, func(r dyplstest.Receipt) bool { return r.Outcome == dyplstest.ReceiptPending })
	})
	if len(all) != n {
		t.Fatalf("%d receipts were sent, want %d", len(all), n)
	}
	return all
}

// placed starts a server with a binding on x0, and places calls on it.
func placed(t *testing.T, config dyplstest.Config, calls int) *dyplstest.Server {
	t.Helper()
	if config.Calls.Scale == 0 {
		config.Calls.Scale = 1e-5
	}
	s := dyplstest.Start(t, config)
	if status, body, err := send(t.Context(), s, "BindAxn", nowAXN().with(params{"PhoneNoX": x0, "OutId": "order-1"})); status != 200 || err != nil {
		t.Fatal(status, body, err)
	}
	for range calls {
		if _, err := s.PlaceCall(dyplstest.Dial{SecretNo: x0, Caller: stranger, Recorded: new(true)}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// spoken are the types of receipts of a call that is recorded, and not transcribed.
var spoken = dyplstest.ReceiptTypes()[:5]

func TestEachReceiptIsPushedToTheAddressOfItsType(t *testing.T) {
	t.Parallel()
	rc := newReceiver(t, accept)
	s := placed(t, dyplstest.Config{Receipts: dyplstest.Receipts{Push: rc.all(), AnswerWithin: time.Minute}}, 1)
	all := settled(t, s, 5)
	want := s.CallReceipts(s.Calls()[0].CallID, dyplstest.ByHTTP)
	for i, kind := range spoken {
		if all[i].Type != kind || all[i].Outcome != dyplstest.ReceiptAccepted || len(all[i].Pushes) != 1 || all[i].Pushes[0].Status != 200 {
			t.Errorf("receipt %d: %+v", i, all[i])
		}
		at := slices.Index(rc.paths, "POST /receipts/"+kind)
		if at < 0 || rc.got()[at] != "["+string(want[kind])+"]" {
			t.Errorf("%s: pushed %q to %v, want %s in an array", kind, rc.got(), rc.paths, want[kind])
		}
	}
}

// TestWhatIsNoAnswerIsPushedAgain: three repetitions, then it is dropped.
func TestWhatIsNoAnswerIsPushedAgain(t *testing.T) {
	t.Parallel()
	say := func(status int, body string) func(int, http.ResponseWriter, *http.Request) {
		return func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	tests := map[string]struct {
		answer  func(int, http.ResponseWriter, *http.Request)
		pushes  int
		outcome dyplstest.Outcome
		problem string
	}{
		"code 0":            {say(200, `{"code":0,"msg":"OK"}`), 1, dyplstest.ReceiptAccepted, ""},
		"another code":      {say(200, `{"code":-1}`), 1, dyplstest.ReceiptAccepted, ""},
		"server error":      {say(500, `{"code":0}`), 4, dyplstest.ReceiptDropped, "the status is 500"},
		"accepted":          {say(202, `{"code":0}`), 4, dyplstest.ReceiptDropped, "the status is 202"},
		"redirect":          {say(307, `{"code":0}`), 4, dyplstest.ReceiptDropped, "the status is 307"},
		"no code":           {say(200, `{"msg":"OK"}`), 4, dyplstest.ReceiptDropped, `a number as "code"`},
		"code is a string":  {say(200, `{"code":"0"}`), 4, dyplstest.ReceiptDropped, `a number as "code"`},
		"code is null":      {say(200, `{"code":null}`), 4, dyplstest.ReceiptDropped, `a number as "code"`},
		"Code":              {say(200, `{"Code":0}`), 4, dyplstest.ReceiptDropped, `a number as "code"`},
		"no JSON":           {say(200, `OK`), 4, dyplstest.ReceiptDropped, `a number as "code"`},
		"an array":          {say(200, `[{"code":0}]`), 4, dyplstest.ReceiptDropped, `a number as "code"`},
		"a connection lost": {func(int, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 4, dyplstest.ReceiptDropped, "no answer: EOF"},
		"too slow": {func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 4, dyplstest.ReceiptDropped,
			"no answer: context deadline exceeded"},
		"third time lucky": {func(n int, w http.ResponseWriter, r *http.Request) {
			if n < 2 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			accept(n, w, r)
		}, 3, dyplstest.ReceiptAccepted, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rc := newReceiver(t, test.answer)
			within := time.Minute
			if name == "too slow" {
				within = 2 * time.Second // within which it arrives on a busy machine
			}
			s := placed(t, dyplstest.Config{Receipts: dyplstest.Receipts{
				Push: map[string]string{"SecretReport": rc.URL + "/secret-of-the-path"}, AnswerWithin: within,
			}}, 1)
			r := settled(t, s, 1)[0]
			last := r.Pushes[len(r.Pushes)-1]
			if r.Outcome != test.outcome || len(r.Pushes) != test.pushes || !strings.Contains(last.Problem, test.problem) ||
				last.Accepted != (test.outcome == dyplstest.ReceiptAccepted) || strings.Contains(last.Problem, "secret-of-the-path") {
				t.Errorf("receipt %+v", r)
			}
			if got := len(rc.got()); got != test.pushes {
				t.Errorf("%d pushes arrived, want %d", got, test.pushes)
			}
		})
	}
}

func TestPushesAreRepeatedAfter1And5And10Minutes(t *testing.T) {
	t.Parallel()
	rc := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	const scale = 1e-3
	s := placed(t, dyplstest.Config{Calls: dyplstest.Calls{Scale: scale}, Receipts: dyplstest.Receipts{Push: map[string]string{"SecretStartReport": rc.URL}}}, 1)
	pushes := settled(t, s, 1)[0].Pushes
	for i, wait := range []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute} {
		if got := pushes[i+1].At.Sub(pushes[i].At); got < time.Duration(float64(wait)*scale) {
			t.Errorf("repetition %d came after %s, want a thousandth of %s", i+1, got, wait)
		}
	}
}

func TestOnePushHoldsSeveralRecords(t *testing.T) {
	t.Parallel()
	rc := newReceiver(t, accept)
	s := placed(t, dyplstest.Config{Receipts: dyplstest.Receipts{
		Push: map[string]string{"SecretReport": rc.URL}, Batch: 5, Linger: 100 * time.Millisecond,
		AnswerWithin: time.Minute,
	}}, 12)
	settled(t, s, 12)
	seen, most := map[string]int{}, 0
	for _, body := range rc.got() {
		var records []struct {
			CallID string `json:"call_id"`
		}
		if err := json.Unmarshal([]byte(body), &records); err != nil {
			t.Fatal(err)
		}
		most = max(most, len(records))
		for _, r := range records {
			seen[r.CallID]++
		}
	}
	if len(seen) != 12 || most < 2 || most > 5 || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
		t.Errorf("%d calls, at most %d records in a push: %v", len(seen), most, rc.got())
	}
}

// Rules choose by the seed, whatever the time: the same receipts in every run.
func TestReceiptsGoWrongByRule(t *testing.T) {
	t.Parallel()
	const calls = 100
	run := func(seed uint64) (marks map[string]int, which []string) {
		rc := newReceiver(t, accept)
		s := placed(t, dyplstest.Config{Seed: seed, Receipts: dyplstest.Receipts{
			Push: rc.all(), Duplicates: 0.2, Late: 0.1, OutOfOrder: 0.1, AnswerWithin: time.Minute,
		}}, calls)
		marks = map[string]int{}
		deadline := time.Now().Add(time.Minute)
		for before := -1; ; time.Sleep(300 * time.Millisecond) { // all are due within 20 ms
			all := s.Receipts()
			if len(all) == before && len(all) == len(rc.got()) || time.Now().After(deadline) {
				break
			}
			before = len(all)
		}
		for _, r := range s.Receipts() {
			for mark, is := range map[string]bool{"duplicate": r.Duplicate, "late": r.Late && !r.Duplicate, "order": r.OutOfOrder && !r.Duplicate, "all": !r.Duplicate} {
				if is {
					marks[mark]++
					which = append(which, mark+r.CallID+r.Type)
				}
			}
		}
		slices.Sort(which)
		return marks, which
	}
	marks, first := run(1)
	_, again := run(1)
	_, other := run(2)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
	if slices.Equal(first, other) {
		t.Error("another seed hits the same receipts")
	}
	for mark, want := range map[string][2]int{"all": {500, 500}, "duplicate": {70, 130}, "late": {30, 75}, "order": {20, 90}} {
		if got := marks[mark]; got < want[0] || got > want[1] {
			t.Errorf("%d receipts are %s, want %v", got, mark, want)
		}
	}
}

func TestOutOfOrderReceiptsComeInTheOppositeOrder(t *testing.T) {
	t.Parallel()
	rc := newReceiver(t, accept)
	s := placed(t, dyplstest.Config{Receipts: dyplstest.Receipts{Push: rc.all(), OutOfOrder: 1}}, 1)
	var order []string
	for _, r := range settled(t, s, 5) {
		order = append(order, r.Type)
	}
	slices.Reverse(order)
	if diff := cmp.Diff(spoken, order); diff != "" {
		t.Errorf("the order is not reversed:\n%s", diff)
	}
}

func TestReceiptsHandler(t *testing.T) {
	t.Parallel()
	rc := newReceiver(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "SecretReport") {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		accept(n, w, r)
	})
	s := placed(t, dyplstest.Config{Receipts: dyplstest.Receipts{Push: rc.all()}}, 2)
	settled(t, s, 10)
	for query, want := range map[string]int{"": 10, "?type=SecretReport": 2, "?outcome=dropped": 2, "?outcome=accepted": 8, "?after=9": 1, "?after=x": -1,
		"?call_id=" + s.Calls()[1].CallID: 5} {
		response, err := http.Get(s.URL() + dyplstest.ReceiptsPath + query)
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for decoder := json.NewDecoder(response.Body); ; lines++ {
			var r dyplstest.Receipt
			if decoder.Decode(&r) != nil {
				break
			}
			if r.Record == nil || len(r.Pushes) == 0 {
				t.Errorf("%s lists %+v", query, r)
			}
		}
		_ = response.Body.Close()
		if lines != want && want >= 0 || (response.StatusCode == http.StatusBadRequest) != (want < 0) {
			t.Errorf("%s lists %d receipts with status %d, want %d", query, lines, response.StatusCode, want)
		}
	}
}

func TestConfigOfReceiptsIsChecked(t *testing.T) {
	t.Parallel()
	for want, config := range map[string]dyplstest.Config{
		`the Push: "SecretCall" is not a type`:                {Receipts: dyplstest.Receipts{Push: map[string]string{"SecretCall": "http://127.0.0.1"}}},
		"the address of SecretReport must be a URL":           {Receipts: dyplstest.Receipts{Push: map[string]string{"SecretReport": "127.0.0.1"}}},
		"the queue of SecretReport must have a name":          {Receipts: dyplstest.Receipts{Queues: map[string]string{"SecretReport": "a/b"}}},
		"q is the queue of two types":                         {Receipts: dyplstest.Receipts{Queues: map[string]string{"SecretReport": "q", "SecretRecording": "q"}}},
		"Receipts.Late must be between 0 and 1":               {Receipts: dyplstest.Receipts{Late: 2}},
		"Batch and durations must not be negative":            {Receipts: dyplstest.Receipts{AnswerWithin: -1}},
		"Config.Calls.Scale must be above 0 and at most 1000": {Calls: dyplstest.Calls{Scale: -1}},
		`the Queues: "SecretCall" is not a type of receip`:    {Receipts: dyplstest.Receipts{Queues: map[string]string{"SecretCall": "q"}}},
	} {
		if _, err := dyplstest.New(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// What a closed simulator had still to push is not pushed.
func TestCloseEndsPushes(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	rc := newReceiver(t, func(int, http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	})
	defer close(release)
	s := placed(t, dyplstest.Config{Receipts: dyplstest.Receipts{Push: map[string]string{"SecretStartReport": rc.URL}, AnswerWithin: time.Hour}}, 1)
	<-arrived
	s.Close()
	time.Sleep(10 * time.Millisecond)
	if r := s.Receipts()[0]; len(r.Pushes) != 0 || r.Outcome != dyplstest.ReceiptPending {
		t.Errorf("receipt %+v", r)
	}
}
