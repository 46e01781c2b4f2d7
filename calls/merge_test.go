package calls

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// sameCall leaves out what counts how often a call changed.
var sameCall = cmpopts.IgnoreFields(Call{}, "Revision")

func mergeOne(t *testing.T, s *Store, of dypls.ReceiptType, body string) {
	t.Helper()
	receipts, err := dypls.ParseReceipts(of, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range receipts {
		if err := s.mergeReceipt(t.Context(), r, origin{at: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
}

func get(t *testing.T, s *Store, id string) Call {
	t.Helper()
	c, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCallSaysWhatItsReceiptsSay(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	for of, body := range receiptsOf("c1") {
		mergeOne(t, s, of, body)
	}
	c := get(t, s, "c1")
	at := func(text string) time.Time {
		parsed, err := dypls.ParseTime(text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed.UTC()
	}
	want := Call{
		ID: "c1", PoolKey: "FC1", TaskID: "order-c1", SubsID: "1000043068030000", PhoneNo: numberA, SecretNo: numberX, PeerNo: numberB, City: "北京",
		CallType: new(0), CallTime: at("2026-11-28 20:11:29"), RingTime: at("2026-11-28 20:11:33"), StartTime: at("2026-11-28 20:11:40"), ReleasedAt: at("2026-11-28 20:12:55"),
		Ended: true, HungUpBy: dypls.SideCaller, ReleaseCause: new(16), UnconnectedCause: new(0), ControlMsg: "OK",
		Recording: Recording{State: RecordingAnnounced}, RecordURL: "https://records.example.com/1_86" + numberB + ".mp3?Expires=1&Signature=hush", Transcript: "21050000",
		Receipts: dypls.ReceiptTypes()[:6],
	}
	if diff := cmp.Diff(want, c, sameCall, cmpopts.IgnoreFields(Call{}, "Raw")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for of, body := range receiptsOf("c1") {
		found := false
		for key, raw := range c.Raw {
			found = found || strings.HasPrefix(key, string(of)+":") && string(raw) == body
		}
		if !found {
			t.Errorf("the call does not have its %s as it came", of)
		}
	}
	wantJSON := `{"call_id":"c1","pool_key":"FC1","task_id":"order-c1","subs_id":"1000043068030000","phone_no":"138****5678","secret_no":"170****5678","peer_no":"159****5678","call_type":0,` +
		`"call_time":"2026-11-28T12:11:29.000Z","answered_at":"2026-11-28T12:11:40.000Z","released_at":"2026-11-28T12:12:55.000Z","duration_s":75,"answered":true,"hung_up_by":"caller","release_cause":16,"release_text":"normal clearing",` +
		`"unconnected_cause":0,"recording":{"state":"announced"},"receipts":["SecretStartReport","SecretRingReport","SecretPickUpReport","SecretReport","SecretRecording","SecretAsrReport"]}`
	if diff := cmp.Diff(wantJSON, c.String()); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

// TestEveryOrderGivesTheSameCall: whatever the order of its receipts, and however often each comes,
// in whichever dialect, a call is the one that they give in order.
func TestEveryOrderGivesTheSameCall(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	types := dypls.ReceiptTypes()[:6]
	inOrder := receiptsOf("in-order")
	// The same end of the call once more, as a queue tells it.
	otherDialect := func(id string) string {
		return strings.Replace(receiptsOf(id)[dypls.TypeSecretReport], `"sub_id":1000043068030000`, `"subs_id":"1000043068030000"`, 1)
	}
	for _, of := range types {
		mergeOne(t, s, of, inOrder[of])
	}
	mergeOne(t, s, dypls.TypeSecretReport, otherDialect("in-order"))
	want := get(t, s, "in-order")
	random := rand.New(rand.NewPCG(1, 2))
	orders := permutations(len(types))
	for n, order := range orders {
		id := fmt.Sprintf("call-%d", n)
		receipts := receiptsOf(id)
		again := random.IntN(len(order))
		for i, k := range order {
			mergeOne(t, s, types[k], receipts[types[k]])
			if i == again {
				mergeOne(t, s, dypls.TypeSecretReport, otherDialect(id))
				earlier := types[order[random.IntN(i+1)]]
				mergeOne(t, s, earlier, receipts[earlier])
			}
		}
		got := get(t, s, id)
		rename := func(c Call) Call {
			c.ID, c.TaskID = "", ""
			raw := map[string]dypls.RawReceipt{}
			for key, text := range c.Raw {
				raw[strings.ReplaceAll(strings.ReplaceAll(key, id, "ID"), "in-order", "ID")] = dypls.RawReceipt(strings.ReplaceAll(strings.ReplaceAll(string(text), id, "ID"), "in-order", "ID"))
			}
			c.Raw = raw
			return c
		}
		if diff := cmp.Diff(rename(want), rename(got), sameCall); diff != "" {
			t.Fatalf("%v (-in order +got):\n%s", order, diff)
		}
	}
	if len(orders) != 720 {
		t.Errorf("%d orders", len(orders))
	}
}

// TestEachCallIsCountedOnce: by its pool and by how it ended, whatever comes
// of it, and however often.
func TestEachCallIsCountedOnce(t *testing.T) {
	t.Parallel()
	var ended []CallEnd
	s := open(t, redistest.Start(t), func(c *Config) { c.Trace.CallDone = func(e CallEnd) { ended = append(ended, e) } })
	for _, of := range []dypls.ReceiptType{dypls.TypeSecretStartReport, dypls.TypeSecretReport, dypls.TypeSecretReport, dypls.TypeSecretRecording} {
		mergeOne(t, s, of, receiptsOf("c0")[of])
	}
	mergeOne(t, s, dypls.TypeSecretReport, strings.Replace(receiptsOf("c0")[dypls.TypeSecretReport], `"sub_id":1000043068030000`, `"subs_id":"1000043068030000"`, 1))
	if diff := cmp.Diff([]CallEnd{{"FC1", CallAnswered}}, ended); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for end, want := range map[string]CallResult{
		`"unconnected_cause":1`: CallBlacklisted, `"unconnected_cause":2`: CallUnbound, `"unconnected_cause":3`: CallRestricted,
		`"unconnected_cause":4`: CallNotConnected, `"unconnected_cause":9,"release_cause":17`: CallNotConnected,
		`"unconnected_cause":0,"release_cause":17`: CallBusy, `"release_cause":18`: CallNoAnswer, `"release_cause":19`: CallNoAnswer,
		`"release_cause":21`: CallRejected, `"release_cause":16`: CallUnanswered, `"city":"x"`: CallUnanswered,
		`"start_time":"2026-11-28 20:11:40","release_time":"2026-11-28 20:11:40","release_cause":18`: CallNoAnswer,
	} {
		ended = nil
		mergeOne(t, s, dypls.TypeSecretReport, fmt.Sprintf(`{"call_id":%q,"pool_key":"FC2",%s}`, "c-"+string(want)+end, end))
		if diff := cmp.Diff([]CallEnd{{"FC2", want}}, ended); diff != "" {
			t.Errorf("%s (-want +got):\n%s", end, diff)
		}
		if !slices.Contains(CallResults(), want) {
			t.Errorf("%s is not among the results", want)
		}
	}
}

// TestCallSaysWhoseItIs: a call is of the account that a receiver takes in receipts of, whatever
// comes from one that names none.
func TestCallSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	run(t, s)
	shop, own := serve(t, s, HandlerConfig{Account: "shop"}), serve(t, s, HandlerConfig{Account: tasks.DefaultAccount})
	const other = `[{"secret_no":"` + numberX + `","operating_time":1795867889000,"status":2}]`
	for _, p := range []struct {
		to   *httptest.Server
		of   dypls.ReceiptType
		body string
	}{
		{shop, dypls.TypeSecretStartReport, receiptsOf("c1")[dypls.TypeSecretStartReport]},
		{own, dypls.TypeSecretReport, receiptsOf("c1")[dypls.TypeSecretReport]},
		{own, dypls.TypeSecretReport, receiptsOf("c2")[dypls.TypeSecretReport]},
		{shop, dypls.TypeSecretReport, "not JSON"},
		{shop, dypls.TypeNumberManagementReport, other},
	} {
		if status := push(t, p.to, p.of, p.body); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	}
	settled(t, s)
	if c := get(t, s, "c1"); c.Account != "shop" || !strings.Contains(c.String(), `{"call_id":"c1","account":"shop",`) {
		t.Errorf("%s", c)
	}
	if c := get(t, s, "c2"); c.Account != "" || strings.Contains(c.String(), "account") {
		t.Errorf("%s", c)
	}
	for _, stream := range []string{unreadStream, otherStream} {
		entries, err := s.redis.XRange(t.Context(), stream, "-", "+").Result()
		if err != nil || len(entries) != 1 || entries[0].Values[fieldAccount] != "shop" {
			t.Errorf("%s: %v, %v", stream, entries, err)
		}
	}
	for _, name := range []string{"a shop", "shop/1", strings.Repeat("s", 65)} {
		if _, err := s.Handler(HandlerConfig{Secrets: []string{secret}, Account: name}); err == nil {
			t.Errorf("the account %q is taken", name)
		}
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for i := range n {
			order := append(append(append([]int{}, shorter[:i]...), n-1), shorter[i:]...)
			all = append(all, order)
		}
	}
	return all
}

func TestDuplicateChangesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	body := receiptsOf("c1")[dypls.TypeSecretReport]
	mergeOne(t, s, dypls.TypeSecretReport, body)
	before := get(t, s, "c1")
	mergeOne(t, s, dypls.TypeSecretReport, body)
	if diff := cmp.Diff(before, get(t, s, "c1")); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if n, err := s.redis.XLen(t.Context(), changeStream).Result(); err != nil || n != 1 {
		t.Errorf("%d changes were told, %v", n, err)
	}
}

// What cannot be read is kept, counted and told, and loses nothing beside it.
func TestUnreadIsKept(t *testing.T) {
	t.Parallel()
	var counted counts
	s := open(t, redistest.Start(t), func(c *Config) { c.Trace.ReceiptDone = counted.count })
	run(t, s)
	server := serve(t, s, HandlerConfig{})
	good := receiptsOf("c1")[dypls.TypeSecretReport]
	for _, body := range []string{"[" + good + `,{"phone_no":"` + numberA + `"},` + numberA + "]", "not JSON of " + numberA, "", `{"call_id":"` + strings.Repeat("c", 200) + `"}`} {
		if status := push(t, server, dypls.TypeSecretReport, body); status != 200 {
			t.Errorf("status %d", status)
		}
	}
	if status := push(t, server, dypls.TypeNumberManagementReport, `[{"secret_no":"`+numberX+`","operating_time":1795867889000,"status":2}]`); status != 200 {
		t.Errorf("status %d", status)
	}
	settled(t, s)
	if c := get(t, s, "c1"); !c.Answered() {
		t.Errorf("%v", c)
	}
	unread, err := s.redis.XRange(t.Context(), unreadStream, "-", "+").Result()
	if err != nil || len(unread) != 5 {
		t.Errorf("%d are kept unread, %v", len(unread), err)
	}
	for _, e := range unread {
		if reason, _ := e.Values[fieldReason].(string); reason == "" || strings.Contains(reason, "12345678") {
			t.Errorf("reason %q", reason)
		}
	}
	other, err := s.redis.XRange(t.Context(), otherStream, "-", "+").Result()
	if err != nil || len(other) != 1 || strings.Contains(fmt.Sprint(other[0].Values[fieldKey]), "12345678") {
		t.Errorf("%d are kept of no call, %v", len(other), err)
	}
	if got, want := counted.String(), "SecretReport merged 1, SecretReport unread 5, NumberManagementReport other 1"; got != want {
		t.Errorf("counted %s, want %s", got, want)
	}
}

// No key of Redis holds a number, or what an application wrote into its OutId.
func TestNoNumberInAKey(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, server)
	for of, body := range receiptsOf("c1") {
		mergeOne(t, s, of, strings.Replace(body, "order-c1", numberA, 1))
	}
	keys, err := server.Client(t).Keys(t.Context(), "*").Result()
	if err != nil || len(keys) < 4 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	for _, key := range keys {
		if strings.Contains(key, "12345678") || !strings.HasPrefix(key, "dypls:") || strings.HasPrefix(key, "dypls:{") {
			t.Errorf("key %s", key)
		}
	}
	if listed, _, err := s.List(t.Context(), Filter{TaskID: numberA}); err != nil || len(listed) != 1 || strings.Contains(listed[0].String(), "12345678") {
		t.Errorf("%v, %v", listed, err)
	}
}
