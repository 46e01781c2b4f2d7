package dyplstest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// callWorld has a binding of every kind, each on an X of its own.
type callWorld struct {
	bench

	subs map[string]string // by action
}

const (
	phoneA, phoneB, stranger, member = "15000000001", "15000000002", "15000000003", "15000000009"
	xOfAXN, xOfAXB, xOfExtension     = "17000000000", "17000000001", "17000000002"
	xOfAXG, xOfNobody                = "17000000003", "17000000004"
)

func newCallWorld(t *testing.T, config dyplstest.Config) callWorld {
	t.Helper()
	config.Pools = []dyplstest.Pool{{
		Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 5), Groups: map[string][]dypls.Phone{"7": {member}},
		Cities: map[dypls.Phone]string{xOfAXN: "杭州"},
	}}
	w := callWorld{setup(t, config), map[string]string{}}
	for action, more := range map[string]params{
		"BindAxn":          {"PhoneNoX": xOfAXN, "OutId": "order-1", "IsRecordingEnabled": "true", "PhoneNoB": phoneB},
		"BindAxb":          {"PhoneNoX": xOfAXB, "PhoneNoB": phoneB},
		"BindAxnExtension": {"PhoneNoX": xOfExtension, "Extension": "801"},
		"BindAxg":          {"PhoneNoX": xOfAXG, "GroupId": "7"},
	} {
		w.subs[action] = w.want("OK", action, w.axn(more)).SecretBindDTO.SubsId
	}
	return w
}

func TestWhomACallReaches(t *testing.T) {
	t.Parallel()
	w := newCallWorld(t, dyplstest.Config{})
	const fromA, toA, intercepted, noBinding = 0, 1, 4, 2
	tests := map[string]struct {
		dial  dyplstest.Dial
		bind  string // the action whose binding it is on
		kind  int
		cause int
		peer  string
	}{
		"N reaches A":                    {dyplstest.Dial{SecretNo: xOfAXN, Caller: stranger}, "BindAxn", toA, 0, stranger},
		"A reaches B of an AXN":          {dyplstest.Dial{SecretNo: xOfAXN, Caller: phoneA}, "BindAxn", fromA, 0, phoneB},
		"A reaches whom it last spoke":   {dyplstest.Dial{SecretNo: xOfAXN, Caller: phoneA, Callee: stranger}, "BindAxn", fromA, 0, stranger},
		"A of a pair":                    {dyplstest.Dial{SecretNo: xOfAXB, Caller: phoneA}, "BindAxb", fromA, 0, phoneB},
		"B of a pair":                    {dyplstest.Dial{SecretNo: xOfAXB, Caller: phoneB}, "BindAxb", toA, 0, phoneB},
		"nobody of the pair":             {dyplstest.Dial{SecretNo: xOfAXB, Caller: stranger}, "", intercepted, noBinding, stranger},
		"an extension":                   {dyplstest.Dial{SecretNo: xOfExtension, Caller: stranger, Extension: "801"}, "BindAxnExtension", toA, 0, stranger},
		"another extension":              {dyplstest.Dial{SecretNo: xOfExtension, Caller: stranger, Extension: "802"}, "", intercepted, noBinding, stranger},
		"A of an extension":              {dyplstest.Dial{SecretNo: xOfExtension, Caller: phoneA, Callee: stranger}, "BindAxnExtension", fromA, 0, stranger},
		"a member of a group":            {dyplstest.Dial{SecretNo: xOfAXG, Caller: member}, "BindAxg", toA, 0, member},
		"no member":                      {dyplstest.Dial{SecretNo: xOfAXG, Caller: stranger}, "", intercepted, noBinding, stranger},
		"an X that nothing is bound to":  {dyplstest.Dial{SecretNo: xOfNobody, Caller: stranger}, "", intercepted, noBinding, stranger},
		"a binding that is named, by A":  {dyplstest.Dial{SubsID: w.subs["BindAxb"], Caller: phoneA}, "BindAxb", fromA, 0, phoneB},
		"a binding that is named, by B":  {dyplstest.Dial{SubsID: w.subs["BindAxb"], SecretNo: xOfAXB, Caller: phoneB}, "BindAxb", toA, 0, phoneB},
		"an extension's binding, its id": {dyplstest.Dial{SubsID: w.subs["BindAxnExtension"], Caller: stranger}, "BindAxnExtension", toA, 0, stranger},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := w.PlaceCall(test.dial)
			if err != nil {
				t.Fatal(err)
			}
			if c.SubsID != w.subs[test.bind] || c.CallType != test.kind || c.UnconnectedCause != test.cause || string(c.PeerNo) != test.peer {
				t.Errorf("binding %q, type %d, cause %d, peer %q", c.SubsID, c.CallType, c.UnconnectedCause, string(c.PeerNo))
			}
			if len(c.CallID) != 16 || strings.Trim(c.CallID, "0123456789abcdef") != "" {
				t.Errorf("call_id %q is not 16 hex digits", c.CallID)
			}
		})
	}
}

func TestCallsOfASideThatIsRestrictedAreIntercepted(t *testing.T) {
	t.Parallel()
	for restriction, want := range map[string][2]int{
		dypls.ControlAXDisable: {3, 0}, dypls.ControlBXDisable: {0, 3}, "": {0, 0},
	} {
		b := setup(t, dyplstest.Config{})
		made := b.want("OK", "BindAxb", b.pair(params{"CallRestrict": restriction})).SecretBindDTO
		for i, caller := range []dypls.Phone{phoneA, phoneB} {
			c, err := b.PlaceCall(dyplstest.Dial{SubsID: made.SubsId, Caller: caller})
			if err != nil || c.UnconnectedCause != want[i] || c.Answered != (want[i] == 0) {
				t.Errorf("%q, caller %d: cause %d, answered %t, %v", restriction, i, c.UnconnectedCause, c.Answered, err)
			}
		}
	}
}

func TestCallsThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newCallWorld(t, dyplstest.Config{})
	expired := w.want("OK", "BindAxn", w.axn(params{"PhoneNoX": xOfNobody, "Expiration": w.in(2 * time.Minute)})).SecretBindDTO.SubsId
	w.advance(3 * time.Minute)
	tests := map[string]struct {
		dial    dyplstest.Dial
		want    string
		nothing bool // ErrNoBinding
	}{
		"names nothing":          {dyplstest.Dial{Caller: phoneA}, "subs_id is missing, and secret_no, too: name a binding", false},
		"nobody calls":           {dyplstest.Dial{SecretNo: xOfAXN}, "caller must be 3-20 digits: name who dials", false},
		"a malformed X":          {dyplstest.Dial{SecretNo: "170 0000 0000", Caller: phoneA}, "secret_no must be 3-20 digits", false},
		"a malformed callee":     {dyplstest.Dial{SecretNo: xOfAXN, Caller: phoneA, Callee: "x"}, "callee must be 3-20 digits", false},
		"a negative length":      {dyplstest.Dial{SecretNo: xOfAXN, Caller: phoneA, Length: -1}, "length must be from 0 to 24 hours", false},
		"who ended it":           {dyplstest.Dial{SecretNo: xOfAXN, Caller: phoneA, ReleaseDir: new(3)}, "release_dir must be 0, 1 or 2", false},
		"a cause beyond Q.850":   {dyplstest.Dial{SecretNo: xOfAXN, Caller: phoneA, ReleaseCause: 128}, "release_cause must be from 1 to 127", false},
		"no such account":        {dyplstest.Dial{AccessKeyID: "x", SecretNo: xOfAXN, Caller: phoneA}, "access_key_id must be of a known account", false},
		"no such binding":        {dyplstest.Dial{SubsID: "1", Caller: phoneA}, "subs_id must name an active binding of the account: bind first", true},
		"an expired binding":     {dyplstest.Dial{SubsID: expired, Caller: phoneA}, "subs_id must name an active binding", true},
		"another X":              {dyplstest.Dial{SubsID: w.subs["BindAxn"], SecretNo: xOfAXB, Caller: phoneA}, "secret_no must be the X of subs_id", true},
		"no such X":              {dyplstest.Dial{SecretNo: "17200000000", Caller: phoneA}, "secret_no must be a number of the account's pools", true},
		"a stranger in a pair":   {dyplstest.Dial{SubsID: w.subs["BindAxb"], Caller: stranger}, "caller must be one whom this binding connects", true},
		"A reaches nobody named": {dyplstest.Dial{SubsID: w.subs["BindAxnExtension"], Caller: phoneA}, "A needs a callee", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := w.PlaceCall(test.dial)
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, dyplstest.ErrNoBinding) != test.nothing {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "17000000") || strings.Contains(err.Error(), "1500000") {
				t.Errorf("error %v tells a number", err)
			}
		})
	}
	if got := len(w.Calls()); got != 0 {
		t.Errorf("%d calls were placed", got)
	}
}

// The two ways have their own names and types of fields, as their pages give them.
func TestReceiptsOfACall(t *testing.T) {
	t.Parallel()
	w := newCallWorld(t, dyplstest.Config{})
	c, err := w.PlaceCall(dyplstest.Dial{SecretNo: xOfAXN, Caller: stranger, RingAfter: time.Second, AnswerAfter: 3 * time.Second, Length: 42 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	subs := w.subs["BindAxn"]
	report := `"call_id":"` + c.CallID + `","call_out_time":"2026-11-22 14:50:42","call_time":"2026-11-22 14:50:42","call_type":1,"called_display_no":"17000000000",` +
		`"city":"杭州","control_msg":"OK","control_type":"CONTINUE","free_ring_time":"2026-11-22 14:50:43",`
	reportEnd := `"peer_no":"15000000003","phone_no":"15000000001","pool_key":"FC100000000001","release_cause":16,"release_dir":1,"release_time":"2026-11-22 14:51:28",` +
		`"ring_time":"2026-11-22 14:50:43","secret_no":"17000000000","sms_number":null,"start_time":"2026-11-22 14:50:46","sub_id":` + subs + `,"unconnected_cause":0}`
	progress := `{"call_id":"` + c.CallID + `","call_time":"2026-11-22 14:50:42",`
	ringHTTP := `"call_type":"1","city":"杭州","out_id":"order-1","peer_no":"15000000003","phone_no":"15000000001","pool_key":"FC100000000001",` +
		`"ring_time":"2026-11-22 14:50:43","secret_no":"17000000000",`
	ringQueue := `"call_type":1,"city":"杭州","out_id":"order-1","peer_no":"15000000003","phone_no":"15000000001","pool_key":"FC100000000001",`
	start := `"call_type":1,"called_display_no":"17000000000",`
	startEnd := `"secret_no":"17000000000","sub_id":` + subs + `,"unconnected_cause":0}`
	want := map[dyplstest.Way]map[string]string{
		dyplstest.ByHTTP: {
			"SecretStartReport": progress + start + `"city":"杭州","control_type":"CONTINUE","id":"ID","out_id":"order-1","partner_key":"FC100000000001",` +
				`"peer_no":"15000000003","phone_no":"15000000001","pool_key":"FC100000000001",` + startEnd,
			"SecretRingReport":   progress + ringHTTP + `"sub_id":"` + subs + `"}`,
			"SecretPickUpReport": progress + ringHTTP + `"start_time":"2026-11-22 14:50:46","sub_id":"` + subs + `"}`,
			"SecretReport":       `{` + report + `"id":ID,"out_id":"order-1","partner_key":"FC100000000001",` + reportEnd,
			"SecretRecording":    `{"call_id":"` + c.CallID + `","call_time":1795330242000,"out_id":"order-1","pool_key":"FC100000000001","sub_id":` + subs + `}`,
		},
		dyplstest.ByQueue: {
			"SecretStartReport": progress + start + `"control_msg":"OK","control_type":"CONTINUE","out_id":"order-1","peer_no":"15000000003","phone_no":"15000000001",` +
				`"pool_key":"FC100000000001",` + startEnd,
			"SecretRingReport": progress + ringQueue + `"ring_time":"2026-11-22 14:50:43","secret_no":"17000000000","sub_id":` + subs + `}`,
			"SecretPickUpReport": progress + ringQueue + `"ring_Time":"2026-11-22 14:50:43","secret_no":"17000000000","start_time":"2026-11-22 14:50:46","sub_id":` +
				subs + `}`,
			"SecretReport":    `{` + report + `"out_id":"order-1",` + reportEnd,
			"SecretRecording": `{"call_id":"` + c.CallID + `","call_time":"1795330242000","out_id":"order-1","pool_key":"FC100000000001","subs_id":` + subs + `}`,
		},
	}
	for way, receipts := range want {
		got := map[string]string{}
		for kind, record := range w.CallReceipts(c.CallID, way) {
			var id struct{ ID json.RawMessage }
			if err := json.Unmarshal(record, &id); err != nil {
				t.Fatal(err)
			}
			got[kind] = strings.Replace(string(record), strings.Trim(string(id.ID), `"`), "ID", 1)
			if id.ID == nil {
				got[kind] = string(record)
			}
		}
		if diff := cmp.Diff(receipts, got); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", way, diff)
		}
	}
}

func TestReceiptsOfCallsThatWereNotAnswered(t *testing.T) {
	t.Parallel()
	w := newCallWorld(t, dyplstest.Config{})
	fields := func(d dyplstest.Dial, kind string) (map[string]any, int) {
		c, err := w.PlaceCall(d)
		if err != nil {
			t.Fatal(err)
		}
		all, got := w.CallReceipts(c.CallID, dyplstest.ByHTTP), map[string]any{}
		if err := json.Unmarshal(all[kind], &got); err != nil {
			t.Fatal(err)
		}
		return got, len(all)
	}
	missed, count := fields(dyplstest.Dial{SecretNo: xOfAXN, Caller: stranger, Unanswered: true}, "SecretReport")
	if missed["start_time"] != missed["release_time"] || missed["release_cause"] != 19.0 || count != 3 {
		t.Errorf("%d receipts of a missed call, its report %v", count, missed)
	}
	lost, count := fields(dyplstest.Dial{SecretNo: xOfNobody, Caller: stranger}, "SecretReport")
	_, bound := lost["sub_id"]
	if bound || lost["unconnected_cause"] != 2.0 || lost["control_msg"] != "NO_SUBS_EXIST" || lost["call_type"] != 4.0 || count != 2 {
		t.Errorf("%d receipts of a call without a binding, its report %v", count, lost)
	}
}

func TestOlderFormOfSecretRecording(t *testing.T) {
	t.Parallel()
	w := newCallWorld(t, dyplstest.Config{Calls: dyplstest.Calls{OlderForm: true}})
	c, err := w.PlaceCall(dyplstest.Dial{SecretNo: xOfAXN, Caller: stranger})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"call_id":"` + c.CallID + `","call_time":"2026-11-22 14:50:42","out_id":"order-1","pool_key":"FC100000000001","subs_id":` + c.SubsID + `}`
	if got := string(w.CallReceipts(c.CallID, dyplstest.ByHTTP)["SecretRecording"]); got != want {
		t.Errorf("record %s, want %s", got, want)
	}
}

// The recording of a call is found by its own CallTime alone, once it is there.
func TestRecordingOfACallAppears(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, dyplstest.Config{Now: time.Now, Recordings: dyplstest.Recordings{ReadyAfter: 10 * time.Minute}, Calls: dyplstest.Calls{Scale: 0.1}})
		call := func(action string, p params) answer { return do(t, w, newUnsigned(action, p, time.Now()).v3()) }
		made := call("BindAxn", nowAXN()).SecretBindDTO
		c, err := w.PlaceCall(dyplstest.Dial{SubsID: made.SubsId, Caller: stranger, Length: 50 * time.Second, AnswerAfter: 8 * time.Second, Recorded: new(true)})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(at time.Time) answer {
			return call("QueryRecordFileDownloadUrl", params{"PoolKey": c.PoolKey, "CallId": c.CallID, "CallTime": dypls.At(at).String()})
		}
		time.Sleep(65 * time.Second) // of 66, a tenth of 11 minutes
		if a := ask(c.CallTime); a.Code != "OK" || a.DownloadUrl != "" {
			t.Errorf("before it is there: %s", a.Body)
		}
		time.Sleep(2 * time.Second)
		if a := ask(c.CallTime); a.DownloadUrl == "" {
			t.Errorf("when it is there: %s", a.Body)
		}
		if a := ask(c.CallTime.Add(time.Second)); a.Code != "isv.ILLEGAL_ARGUMENT" {
			t.Errorf("by another time: %s", a.Body)
		}
	})
}

// Other processes place calls over HTTP.
func TestCallsHandler(t *testing.T) {
	t.Parallel()
	s := dyplstest.Start(t, dyplstest.Config{})
	if _, _, err := send(t.Context(), s, "BindAxn", nowAXN().with(params{"PhoneNoX": x0, "OutId": "order-1"})); err != nil {
		t.Fatal(err)
	}
	post := func(body string) (int, string) {
		response, err := http.Post(s.URL()+dyplstest.CallsPath, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	status, text := post(`{"secret_no":"17000000000","caller":"15000000003","length_ms":5000,"recorded":true}`)
	var c dyplstest.PlacedCall
	if err := json.Unmarshal([]byte(text), &c); err != nil || status != 200 {
		t.Fatalf("answer %d %s, %v", status, text, err)
	}
	if !c.Recorded || c.ReleaseTime.Sub(c.StartTime) != 5*time.Second || c.OutID != "order-1" || c.PhoneNo != phoneA {
		t.Errorf("call %s", text)
	}
	if status, text := post(`{"secret_no":"17000000000","caller":"15000000003","answered":false}`); !strings.Contains(text, `"answered":false`) {
		t.Errorf("unanswered: %d %s", status, text)
	}
	for body, want := range map[string]struct {
		status int
		text   string
	}{
		`{"secret_no":17000000000}`:              {400, "secret_no must not be a number"},
		`{"secret_no":"17000000000"`:             {400, "must be a JSON object"},
		`{"secret":"17000000000"}`:               {400, "take the fields that"},
		`{"caller":"1","length_ms":-1}`:          {400, "length_ms must be from 0 to 24 hours"},
		`{"caller":"15000000003"}`:               {400, "subs_id is missing"},
		`{"subs_id":"1","caller":"15000000003"}`: {404, "subs_id must name an active binding"},
	} {
		if status, text := post(body); status != want.status || !strings.Contains(text, want.text) || strings.Contains(text, "17000000000") {
			t.Errorf("%s is answered with %d %s", body, status, text)
		}
	}
	response, err := http.Get(s.URL() + dyplstest.CallsPath)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	listed, err := io.ReadAll(response.Body)
	if err != nil || strings.Count(string(listed), "\n") != 2 || !strings.Contains(string(listed), c.CallID) {
		t.Errorf("listed %s, %v", listed, err)
	}
}
