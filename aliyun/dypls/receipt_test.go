package dypls_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func beijing(t *testing.T, text string) dypls.Time {
	t.Helper()
	at, err := dypls.ParseTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// receiptSamples are receipts as the API's pages, and lines of its users, show them, with numbers
// that nobody has.
var receiptSamples = map[string]struct {
	of   dypls.ReceiptType
	body string
}{
	"SecretReport, HTTP": {dypls.TypeSecretReport, `[{"id":1014568510000,"partner_key":"FC100000000001","pool_key":"FC100000000001","sub_id":1000043068030000,"out_id":"job-1",
		"call_id":"43612633712c0000","call_type":1,"phone_no":"13800000001","secret_no":"17000000003","peer_no":"13800000002","called_display_no":"17000000003","extension":"801",
		"call_time":"2021-08-25 20:11:29","call_out_time":"2021-08-25 20:11:30","ring_time":"2021-08-25 20:11:33","free_ring_time":"2021-08-25 20:11:33","start_time":"2021-08-25 20:11:40","release_time":"2021-08-25 20:12:55",
		"release_dir":1,"release_cause":16,"unconnected_cause":0,"control_type":"CONTINUE","control_msg":"OK",
		"city":"北京","sms_number":null,"record_url":"https://records.example.com/1_2_8613800000002.mp3?Expires=1629900689&Signature=hush","ring_record_url":""}]`},
	"SecretReport, strings, not answered": {dypls.TypeSecretReport, `{"sub_id":"1000043068030000","call_id":"0b6504079d077b14","call_type":"0","phone_no":13800000001,"secret_no":17000000003,"peer_no":"13800000002",
		"call_out_time":"2023-01-02 03:04:05","free_ring_time":"2023-01-02 03:04:05","start_time":"2023-01-02 03:04:30","release_time":"2023-01-02 03:04:30","release_dir":"2","release_cause":"18","unconnected_cause":"0"}`},
	"SecretReport, no binding": {dypls.TypeSecretReport, `[{"call_id":"c1","call_type":4,"secret_no":"17000000003","unconnected_cause":2,"control_msg":"NO_SUBS_EXIST","release_dir":0,"release_cause":31}]`},
	"SecretStartReport":        {dypls.TypeSecretStartReport, `[{"id":"77","pool_key":"FC1","sub_id":1000043068030000,"call_id":"c1","phone_no":"13800000001","secret_no":"17000000003","peer_no":"13800000002","call_type":0,"call_time":"2021-08-25 20:11:29","unconnected_cause":0,"control_type":"CONTINUE"}]`},
	"SecretRingReport":         {dypls.TypeSecretRingReport, `[{"call_id":"c1","call_type":"1","sub_id":"1000043068030000","ring_time":"2021-08-25 20:11:33","secret_no":"17000000003"}]`},
	"SecretPickUpReport":       {dypls.TypeSecretPickUpReport, `{"call_id":"c1","call_type":"1","ring_Time":"2021-08-25 20:11:33","start_time":"2021-08-25 20:11:40","peer_no":"13800000002"}`},
	"SecretRecording, HTTP":    {dypls.TypeSecretRecording, `[{"pool_key":"FC100000000001","sub_id":1000043068030000,"call_id":"43612633712c0000","call_time":1629893489000,"out_id":"job-1"}]`},
	"SecretRecording, queue":   {dypls.TypeSecretRecording, `{"pool_key":"FC100000000001","subs_id":1000043068030000,"call_id":"43612633712c0000","call_time":"1629893489000"}`},
	"SecretRecording, 2019":    {dypls.TypeSecretRecording, `{"subs_id":"1000043068030000","call_id":"43612633712c0000","call_time":"2021-08-25 20:11:29"}`},
	"SecretAsrReport": {dypls.TypeSecretAsrReport, `[{"callId":"c1","bizDuration":75000,"partnerKey":"FC1","secretNo":"17000000003","statusCode":"21050000",
		"sentences":[{"beginTime":10,"endTime":"900","channelId":0,"text":"我的电话是13800000001","silenceDuration":"0","speechRate":221,"emotionValue":"6.3"}]}]`},
	"SecretExceptionPhoneReport":        {dypls.TypeSecretExceptionPhoneReport, `{"secretNo":"17000000003","partnerKey":"FC1","noStatus":0,"timestamp":1629893489123}`},
	"NumberManagementReport, its table": {dypls.TypeNumberManagementReport, `[{"secretNo":"17000000003","partnerKey":"FC1","operatingTime":"2021-08-25 20:11:29","city":"北京","status":1,"vendor":2}]`},
	"NumberManagementReport, sample":    {dypls.TypeNumberManagementReport, `[{"secret_no":"17000000003","partner_key":"FC1","operating_time":1629893489000,"city":"北京","status":"1","vendor":"2"}]`},
	"SecretSmsIntercept":                {dypls.TypeSecretSmsIntercept, `[{"id":"9","sub_id":7,"call_id":"s1","sms_type":1,"send_no":"13800000001","secret_no":"17000000003","receive_no":"13800000002","sms_content":"call 13800000002","sms_sign":"sign","status":2,"sms_intercept_type":"SUBS_NOT_EXISTS","code":"REJECTD","start_time":"2021-08-25 20:11:29"}]`},
}

//nolint:gocognit // one story, told in order
func TestParseReceipts(t *testing.T) {
	t.Parallel()
	recording := &dypls.SecretRecording{PoolKey: "FC100000000001", SubsID: "1000043068030000", OutID: "job-1", CallID: "43612633712c0000", CallTime: beijing(t, "2021-08-25 20:11:29")}
	fromQueue, of2019 := *recording, *recording
	fromQueue.OutID = ""
	of2019.OutID, of2019.PoolKey = "", ""
	number := &dypls.NumberManagementReport{SecretNo: "17000000003", PartnerKey: "FC1", OperatingTime: beijing(t, "2021-08-25 20:11:29"), City: "北京", Status: new(1), Vendor: new(2)}
	tests := map[string]struct {
		want dypls.ReceiptBody
		key  string
	}{
		"SecretReport, HTTP": {&dypls.SecretReport{
			CallReceipt: dypls.CallReceipt{
				ID: "1014568510000", PartnerKey: "FC100000000001", PoolKey: "FC100000000001", SubsID: "1000043068030000", OutID: "job-1", CallID: "43612633712c0000",
				PhoneNo: "13800000001", SecretNo: "17000000003", PeerNo: "13800000002", CalledDisplayNo: "17000000003", Extension: "801",
				CallType: new(1), CallTime: beijing(t, "2021-08-25 20:11:29"), City: "北京", ControlType: "CONTINUE", ControlMsg: "OK", UnconnectedCause: new(0),
			},
			CallOutTime: beijing(t, "2021-08-25 20:11:30"), RingTime: beijing(t, "2021-08-25 20:11:33"), FreeRingTime: beijing(t, "2021-08-25 20:11:33"),
			StartTime: beijing(t, "2021-08-25 20:11:40"), ReleaseTime: beijing(t, "2021-08-25 20:12:55"), ReleaseDir: new(1), ReleaseCause: new(16),
			RecordURL: "https://records.example.com/1_2_8613800000002.mp3?Expires=1629900689&Signature=hush",
		}, "SecretReport:43612633712c0000"},
		"SecretReport, strings, not answered": {&dypls.SecretReport{
			CallReceipt: dypls.CallReceipt{SubsID: "1000043068030000", CallID: "0b6504079d077b14", PhoneNo: "13800000001", SecretNo: "17000000003", PeerNo: "13800000002", CallType: new(0), UnconnectedCause: new(0)},
			CallOutTime: beijing(t, "2023-01-02 03:04:05"), FreeRingTime: beijing(t, "2023-01-02 03:04:05"), StartTime: beijing(t, "2023-01-02 03:04:30"), ReleaseTime: beijing(t, "2023-01-02 03:04:30"), ReleaseDir: new(2), ReleaseCause: new(18),
		}, "SecretReport:0b6504079d077b14"},
		"SecretReport, no binding": {&dypls.SecretReport{
			CallReceipt: dypls.CallReceipt{CallID: "c1", CallType: new(4), SecretNo: "17000000003", UnconnectedCause: new(2), ControlMsg: "NO_SUBS_EXIST"}, ReleaseDir: new(0), ReleaseCause: new(31),
		}, "SecretReport:c1"},
		"SecretStartReport": {&dypls.SecretStartReport{CallReceipt: dypls.CallReceipt{
			ID: "77", PoolKey: "FC1", SubsID: "1000043068030000", CallID: "c1", PhoneNo: "13800000001", SecretNo: "17000000003", PeerNo: "13800000002", CallType: new(0), CallTime: beijing(t, "2021-08-25 20:11:29"), UnconnectedCause: new(0), ControlType: "CONTINUE",
		}}, "SecretStartReport:c1"},
		"SecretRingReport":           {&dypls.SecretRingReport{CallReceipt: dypls.CallReceipt{CallID: "c1", CallType: new(1), SubsID: "1000043068030000", SecretNo: "17000000003"}, RingTime: beijing(t, "2021-08-25 20:11:33")}, "SecretRingReport:c1:1629893493"},
		"SecretPickUpReport":         {&dypls.SecretPickUpReport{CallReceipt: dypls.CallReceipt{CallID: "c1", CallType: new(1), PeerNo: "13800000002"}, RingTime: beijing(t, "2021-08-25 20:11:33"), StartTime: beijing(t, "2021-08-25 20:11:40")}, "SecretPickUpReport:c1:1629893493"},
		"SecretRecording, HTTP":      {recording, "SecretRecording:43612633712c0000"},
		"SecretRecording, queue":     {&fromQueue, "SecretRecording:43612633712c0000"},
		"SecretRecording, 2019":      {&of2019, "SecretRecording:43612633712c0000"},
		"SecretAsrReport":            {&dypls.SecretAsrReport{CallID: "c1", BizDuration: new(75000), PartnerKey: "FC1", SecretNo: "17000000003", StatusCode: "21050000", Sentences: []dypls.Sentence{{BeginTime: new(10), EndTime: new(900), ChannelID: new(0), Text: "我的电话是13800000001", SilenceDuration: "0", SpeechRate: "221", EmotionValue: "6.3"}}}, "SecretAsrReport:c1"},
		"SecretExceptionPhoneReport": {&dypls.SecretExceptionPhoneReport{SecretNo: "17000000003", PartnerKey: "FC1", NoStatus: new(0), Timestamp: beijing(t, "2021-08-25 20:11:29")}, "SecretExceptionPhoneReport:975e6c:1629893489:0"},
		// both dialects of one receipt are one
		"NumberManagementReport, its table": {number, "NumberManagementReport:975e6c:1629893489:1"},
		"NumberManagementReport, sample":    {number, "NumberManagementReport:975e6c:1629893489:1"},
		"SecretSmsIntercept": {&dypls.SecretSmsIntercept{
			ID: "9", SubsID: "7", CallID: "s1", SMSType: new(1), SendNo: "13800000001", SecretNo: "17000000003", ReceiveNo: "13800000002", SMSContent: "call 13800000002", SMSSign: "sign", Status: new(2), SMSInterceptType: "SUBS_NOT_EXISTS", Code: "REJECTD", StartTime: beijing(t, "2021-08-25 20:11:29"),
		}, "SecretSmsIntercept:s1"},
	}
	if len(tests) != len(receiptSamples) {
		t.Errorf("%d samples, %d of them tested", len(receiptSamples), len(tests))
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sample := receiptSamples[name]
			overHTTP, err := dypls.ParseReceipts(sample.of, []byte(sample.body))
			if err != nil || len(overHTTP) != 1 {
				t.Fatalf("%d receipts, %v", len(overHTTP), err)
			}
			got := overHTTP[0]
			if got.Err != nil || len(got.Unread) > 0 {
				t.Fatalf("unread %v, %v", got.Unread, got.Err)
			}
			if diff := cmp.Diff(test.want, got.Body); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.Key() != test.key {
				t.Errorf("key %s, want %s", got.Key(), test.key)
			}
			var raw any
			if json.Unmarshal(got.Raw, &raw) != nil {
				t.Errorf("raw is no JSON: %d bytes", len(got.Raw))
			}
			// A queue's message is the same in base64, and what we write of a body reads back.
			object := strings.Trim(sample.body, "[]")
			for way, body := range map[string]string{"base64": base64.StdEncoding.EncodeToString([]byte(object)), "JSON": object, "its own JSON": marshal(t, got.Body)} {
				fromQueue, err := dypls.ParseReceiptMessage(sample.of, []byte(body))
				if err != nil || len(fromQueue) != 1 {
					t.Fatalf("%s: %d receipts, %v", way, len(fromQueue), err)
				}
				if diff := cmp.Diff(got, fromQueue[0], cmpopts.IgnoreFields(dypls.Receipt{}, "Raw")); diff != "" {
					t.Errorf("%s (-HTTP +queue):\n%s", way, diff)
				}
			}
		})
	}
}

func marshal(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// One bad record loses no other.
//
//nolint:gocognit // one story, told in order
func TestParseReceiptsKeepsTheRest(t *testing.T) {
	t.Parallel()
	const good = `{"call_id":"c%d","call_time":1629893489000}`
	tests := map[string]struct {
		body   string
		usable []string // their calls
		bad    int
		unread []string // fields of the first record
		broken bool     // the body as a whole
	}{
		"nothing":                   {"", nil, 0, nil, true},
		"no JSON":                   {"13800000001 called", nil, 0, nil, true},
		"a form":                    {"call_id=c1&secret_no=17000000003", nil, 0, nil, true},
		"a string":                  {`"13800000001"`, nil, 0, nil, true},
		"a number":                  {`13800000001`, nil, 0, nil, true},
		"empty array":               {"[]", nil, 0, nil, false},
		"with a mark of its UTF-8":  {"\xef\xbb\xbf[" + fmt.Sprintf(good, 1) + "]", []string{"c1"}, 0, nil, false},
		"a number among them":       {"[" + fmt.Sprintf(good, 1) + ",13800000001,null," + fmt.Sprintf(good, 2) + "]", []string{"c1", "c2"}, 2, nil, false},
		"one without a call":        {"[" + fmt.Sprintf(good, 1) + `,{"secret_no":"17000000003"},` + fmt.Sprintf(good, 2) + "]", []string{"c1", "c2"}, 1, nil, false},
		"cut off":                   {"[" + fmt.Sprintf(good, 1) + "," + fmt.Sprintf(good, 2)[:9], []string{"c1"}, 0, nil, true},
		"cut off between":           {"[" + fmt.Sprintf(good, 1), []string{"c1"}, 0, nil, true},
		"something behind":          {"[" + fmt.Sprintf(good, 1) + "] 13800000001", []string{"c1"}, 0, nil, true},
		"an object and more":        {fmt.Sprintf(good, 1) + fmt.Sprintf(good, 2), []string{"c1"}, 0, nil, true},
		"a field that is an object": {`[{"call_id":"c1","out_id":{"a":13800000001},"call_time":"yesterday"}]`, []string{"c1"}, 0, []string{"out_id", "call_time"}, false},
		"blank and null fields":     {`[{"call_id":"c1","call_time":"","pool_key":null,"out_id":" "}]`, []string{"c1"}, 0, nil, false},
		"a call's time beyond time": {`[{"call_id":"c1","call_time":99999999999999999999}]`, []string{"c1"}, 0, []string{"call_time"}, false},
		"an exponent":               {`[{"call_id":"c1","sub_id":1.00004306803E15,"call_time":1.629893489E12}]`, []string{"c1"}, 0, nil, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receipts, err := dypls.ParseReceipts(dypls.TypeSecretRecording, []byte(test.body))
			if broken := errors.Is(err, dypls.ErrReceipt); broken != test.broken || err != nil && !broken {
				t.Errorf("error %v, want one: %v", err, test.broken)
			}
			var usable []string
			bad := 0
			for _, r := range receipts {
				if r.Err != nil {
					bad++
					if !errors.Is(r.Err, dypls.ErrReceipt) || r.Key() != "" {
						t.Errorf("key %q, %v", r.Key(), r.Err)
					}
					continue
				}
				usable = append(usable, r.Body.(*dypls.SecretRecording).CallID)
			}
			if diff := cmp.Diff(test.usable, usable); diff != "" || bad != test.bad {
				t.Errorf("%d bad ones, want %d (-want +got):\n%s", bad, test.bad, diff)
			}
			if len(receipts) > 0 && len(receipts[0].Unread)+len(test.unread) > 0 {
				if diff := cmp.Diff(test.unread, receipts[0].Unread); diff != "" {
					t.Errorf("unread (-want +got):\n%s", diff)
				}
			}
			for _, text := range []string{fmt.Sprint(err), fmt.Sprint(receipts)} {
				if strings.Contains(text, "0000000") {
					t.Errorf("shows a number: %s", text)
				}
			}
		})
	}
	if _, err := dypls.ParseReceipts("SmartLogisticsReport", []byte("[]")); !errors.Is(err, dypls.ErrReceipt) {
		t.Errorf("a type that is not known: %v", err)
	}
}

// What a receipt means, in words and durations.
func TestFactsOfAReport(t *testing.T) {
	t.Parallel()
	type facts struct {
		Duration       time.Duration
		Answered, Rang bool
		By             dypls.Side
		Release, Why   string
	}
	for name, want := range map[string]facts{
		"SecretReport, HTTP":                  {75 * time.Second, true, true, dypls.SideCaller, "normal clearing", ""},
		"SecretReport, strings, not answered": {0, false, false, dypls.SideCalled, "no user responding", ""},
		"SecretReport, no binding":            {0, false, false, dypls.SidePlatform, "normal, unspecified", "no binding"},
	} {
		receipts, err := dypls.ParseReceipts(dypls.TypeSecretReport, []byte(receiptSamples[name].body))
		if err != nil {
			t.Fatal(err)
		}
		r := receipts[0].Body.(*dypls.SecretReport)
		got := facts{r.Duration(), r.Answered(), r.Rang(), r.HungUpBy(), r.ReleaseText(), r.UnconnectedText()}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	var nothing dypls.SecretReport
	nothing.ReleaseDir, nothing.ReleaseCause, nothing.UnconnectedCause = new(9), new(126), new(9)
	if by, release, why := nothing.HungUpBy(), nothing.ReleaseText(), nothing.UnconnectedText(); by != "" || release != "" || why != "" {
		t.Errorf("values that nobody documented mean %q %q %q", by, release, why)
	}
}

// What people see is of use, and shows no number.
func TestReceiptPrintsMasked(t *testing.T) {
	t.Parallel()
	receipts, err := dypls.ParseReceipts(dypls.TypeSecretReport, []byte(`{"call_id":"c1","sub_id":1000043068030000,"phone_no":"057188880000","secret_no":"17000000003","out_id":"order 0057188880000/2","call_time":"2021-08-25 20:11:29","record_url":"https://r.example.com/a.mp3?Signature=hush","release_cause":16}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `SecretReport sub_id=1000043068030000 out_id=order 0057****0000/2 call_id=c1 phone_no=057****0000 secret_no=170****0003 call_time=2021-08-25 20:11:29 release_cause=16 record_url=https://r.example.com/***`
	if got := receipts[0].String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

var aroundNumber = regexp.MustCompile(`\d*15012345678\d*`)

// FuzzReceipts: whatever comes, nothing panics, every record is kept as it came, and nothing that
// is printed shows a number, a transcript or a link.
//
//nolint:gocognit // one story, told in order
func FuzzReceipts(f *testing.F) {
	for _, sample := range receiptSamples {
		for i, of := range dypls.ReceiptTypes() {
			if of == sample.of {
				f.Add(i, []byte(sample.body), "order 15012345678", "15012345678")
			}
		}
	}
	f.Add(3, []byte(`[{"call_id":"c"},1,"15012345678"`), "", "")
	f.Add(9, []byte("0"), "order 8615012345678", "")
	f.Fuzz(func(t *testing.T, kind int, body []byte, outID, spoken string) {
		of := dypls.ReceiptTypes()[uint(kind)%uint(len(dypls.ReceiptTypes()))]
		for _, parse := range []func(dypls.ReceiptType, []byte) ([]dypls.Receipt, error){dypls.ParseReceipts, dypls.ParseReceiptMessage} {
			receipts, err := parse(of, body)
			if err != nil && !errors.Is(err, dypls.ErrReceipt) {
				t.Errorf("%v", err)
			}
			for _, r := range receipts {
				if !json.Valid(r.Raw) || (r.Err == nil) != (r.Key() != "") {
					t.Errorf("%d bytes of raw, key %q, %v", len(r.Raw), r.Key(), r.Err)
				}
				again, err := dypls.ParseReceipts(of, r.Raw)
				if r.Body != nil && (err != nil || len(again) != 1 || again[0].Key() != r.Key()) {
					t.Errorf("raw reads as %v, %v", again, err)
				}
			}
		}
		// A record of ours, with whatever an application puts into its OutId.
		const number = "15012345678"
		outID = aroundNumber.ReplaceAllStringFunc(outID, func(run string) string {
			if slices.Contains([]string{number, "86" + number, "086" + number, "0086" + number}, run) {
				return run
			}
			return "" // more digits than a number has are an id, which is shown
		})
		record, err := json.Marshal(map[string]any{
			"call_id": "c1", "callId": "c1", "phone_no": number, "secret_no": number, "peer_no": number, "send_no": number, "extension": number,
			"out_id": outID + " of " + number, "record_url": "https://h.example.com/" + number + "?Signature=" + number, "sms_content": spoken + number, "timestamp": 1629893489000,
			"sentences": []any{map[string]any{"text": spoken + number}},
		})
		if err != nil {
			t.Fatal(err)
		}
		receipts, err := dypls.ParseReceipts(of, record)
		if err != nil || len(receipts) != 1 {
			t.Fatal(err)
		}
		for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %x %q", receipts[0], receipts[0], receipts[0], receipts[0], receipts[0].Raw, receipts[0].Body), receipts[0].Key(), receipts[0].LogValue().String(), receipts[0].Body.LogValue().String()} {
			if strings.Contains(text, number) {
				t.Errorf("shows the number: %s", text)
			}
		}
	})
}
