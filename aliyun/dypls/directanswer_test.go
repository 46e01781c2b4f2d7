package dypls_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// The answers of the operations that no queue performs. The bodies are those of the API's pages,
// with numbers that nobody has.
func TestAnswersOfDirectCalls(t *testing.T) {
	t.Parallel()
	links := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.GetTotalPublicURL, c) }
	transcript := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.GetSecretASRDetail, c) }
	number := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.QuerySecretNoDetail, c) }
	remain := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.QuerySecretNoRemain, c) }
	lock := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.LockSecretNo, c) }
	unlock := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.UnlockSecretNo, c) }
	create := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.CreateAXGGroup, c) }
	operate := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.OperateAXGGroup, c) }
	remove := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.DeleteAXGGroup, c) }
	batch := func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.BindBatchAXG, c) }
	const phoneLink = "http://records.example.com/1000_c1.mp3?Expires=1632485489&OSSAccessKeyId=id&Signature=s"
	const ringLink = "http://records.example.com/1000_c1_ring.mp3?Expires=1632485489&OSSAccessKeyId=id&Signature=r"
	said := dypls.Transcript{
		RequestID: "8d2329d4", BusinessID: "435e@!FC1@!20200615", BusinessKey: "JCGT", Code: "21050000", Msg: "SUCCESS", Type: "asrResult", BizDuration: new(10944),
		Sentences: []dypls.Sentence{{
			BeginTime: new(1020), EndTime: new(1770), ChannelID: new(0), Text: "您好", SilenceDuration: "0", SpeechRate: "80", EmotionValue: "5.7",
		}},
	}

	tests := map[string]struct {
		call   func(*testing.T, dypls.Caller) (any, error)
		fields string // beside the envelope
		want   any
		class  dypls.Class // of the error, where the answer cannot be used
	}{
		"links": {links, `,"Data":{"RingPublicUrl":"` + ringLink + `","PhonePublicUrl":"` + phoneLink + `"}`,
			dypls.PublicURLs{PhonePublicURL: phoneLink, RingPublicURL: ringLink}, ""},
		"links, of the ringing alone": {links, `,"Data":{"RingPublicUrl":"` + ringLink + `"}`, dypls.PublicURLs{RingPublicURL: ringLink}, ""},
		"links, empty":                {links, `,"Data":{"RingPublicUrl":"","PhonePublicUrl":""}`, nil, dypls.NotReady},
		"links, no Data":              {links, ``, nil, dypls.NotReady},
		"links, null Data":            {links, `,"Data":null`, nil, dypls.NotReady},
		"links, Data of a kind":       {links, `,"Data":"` + phoneLink + `"`, nil, dypls.Unavailable},
		"links, a number for a link":  {links, `,"Data":{"PhonePublicUrl":1}`, nil, dypls.Unavailable},

		"transcript": {transcript, `,"Data":{"RequestId":"8d2329d4","BusinessId":"435e@!FC1@!20200615","BusinessKey":"JCGT","Code":"21050000","Msg":"SUCCESS",
			"BizDuration":10944,"Type":"asrResult","Sentences":[{"EndTime":1770,"SilenceDuration":0,"BeginTime":1020,"Text":"您好","ChannelId":0,"SpeechRate":80,"EmotionValue":"5.7"}]}`,
			said, ""},
		"transcript, as a text with the names of receipts": {transcript, `,"Data":"{\"bizDuration\":10944,\"businessId\":\"435e@!FC1@!20200615\",\"businessKey\":\"JCGT\",` +
			`\"code\":\"21050000\",\"msg\":\"SUCCESS\",\"requestId\":\"8d2329d4\",\"sentences\":[{\"beginTime\":1020,\"channelId\":0,\"emotionValue\":\"5.7\",\"endTime\":1770,` +
			`\"silenceDuration\":\"0\",\"speechRate\":\"80\",\"text\":\"您好\"}],\"success\":true,\"type\":\"asrResult\"}"`, said, ""},
		"transcript that failed":         {transcript, `,"Data":{"Code":21050010,"Msg":"no speech"}`, dypls.Transcript{Code: "21050010", Msg: "no speech"}, ""},
		"transcript, no Data":            {transcript, ``, nil, dypls.NotReady},
		"transcript, null Data":          {transcript, `,"Data":null`, nil, dypls.NotReady},
		"transcript, empty Data":         {transcript, `,"Data":{}`, nil, dypls.NotReady},
		"transcript, no code":            {transcript, `,"Data":{"RequestId":"8d2329d4"}`, nil, dypls.NotReady},
		"transcript, Data of a kind":     {transcript, `,"Data":[1]`, nil, dypls.Unavailable},
		"transcript, text that is broke": {transcript, `,"Data":"{\"code\":"`, nil, dypls.Unavailable},

		"number": {number, `,"SecretNoInfoDTO":{"PurchaseTime":"2021-08-25 20:11:29","Vendor":1,"Province":"陕西","City":"西安","SecretStatus":2,"CertifyStatus":1}`,
			dypls.SecretNoDetail{
				SecretStatus: dypls.SecretNoLocked, CertifyStatus: dypls.SecretNoCertified, Vendor: dypls.VendorMobile, Province: "陕西", City: "西安",
				PurchaseTime: dypls.At(callTime.Truncate(time.Second)),
			}, ""},
		"number, its state alone":  {number, `,"SecretNoInfoDTO":{"SecretStatus":0}`, dypls.SecretNoDetail{SecretStatus: dypls.SecretNoFree}, ""},
		"number, no DTO":           {number, ``, nil, dypls.Unavailable},
		"number, no state":         {number, `,"SecretNoInfoDTO":{"City":"西安"}`, nil, dypls.Unavailable},
		"number, a state of words": {number, `,"SecretNoInfoDTO":{"SecretStatus":"free"}`, nil, dypls.Unavailable},

		"remain": {remain, `,"SecretRemainDTO":{"Amount":6,"City":"上海"}`, dypls.SecretNoRemain{Amount: 6, City: "上海"}, ""},
		"remain, by city": {remain, `,"SecretRemainDTO":{"RemainDTOList":{"remainDTO":[{"Amount":6,"City":"上海"},{"Amount":1,"City":"杭州"}]}}`,
			dypls.SecretNoRemain{Cities: []dypls.CityRemain{{City: "上海", Amount: 6}, {City: "杭州", Amount: 1}}}, ""},
		"remain, none in any city": {remain, `,"SecretRemainDTO":{"RemainDTOList":{"remainDTO":[]}}`, dypls.SecretNoRemain{Cities: []dypls.CityRemain{}}, ""},
		"remain, none":             {remain, `,"SecretRemainDTO":{"Amount":0,"City":"上海"}`, dypls.SecretNoRemain{City: "上海"}, ""},
		"remain, no DTO":           {remain, ``, nil, dypls.Unavailable},
		"remain, of a kind":        {remain, `,"SecretRemainDTO":{"Amount":"many"}`, nil, dypls.Unavailable},

		"lock": {lock, ``, dypls.Done{}, ""}, "unlock": {unlock, ``, dypls.Done{}, ""},
		"operate": {operate, ``, dypls.Done{}, ""}, "delete": {remove, ``, dypls.Done{}, ""},

		"create":                     {create, `,"GroupId":2000000000001`, dypls.AXGGroup{GroupID: "2000000000001"}, ""},
		"create, a text":             {create, `,"GroupId":"2000000000001"`, dypls.AXGGroup{GroupID: "2000000000001"}, ""},
		"create, no group":           {create, ``, nil, dypls.Uncertain},
		"create, the sample's group": {create, `,"GroupId":0`, nil, dypls.Uncertain},
		"create, no number":          {create, `,"GroupId":"g"`, nil, dypls.Uncertain},

		"batch": {batch, `,"SecretBindList":{"SecretBind":[{"SecretNo":"17000000003","SubsId":"1000","Extension":"257","GroupId":"7","PhoneNoA":"15000000001","Code":"OK","Message":"OK"}]}`,
			dypls.AXGBatch{SecretBindList: []dypls.AXGBatchItem{{
				Code: "OK", Message: "OK", SubsID: "1000", SecretNo: numberX, Extension: "257", GroupID: "7", PhoneNoA: numberA,
			}}}, ""},
		"batch, numbers as numbers": {batch, `,"SecretBindList":{"SecretBind":[{"SecretNo":17000000003,"SubsId":1000,"GroupId":7,"PhoneNoA":15000000001,"Code":"OK"}]}`,
			dypls.AXGBatch{SecretBindList: []dypls.AXGBatchItem{{Code: "OK", SubsID: "1000", SecretNo: numberX, GroupID: "7", PhoneNoA: numberA}}}, ""},
		"batch, no list":    {batch, ``, nil, dypls.Uncertain},
		"batch, empty list": {batch, `,"SecretBindList":{"SecretBind":[]}`, nil, dypls.Uncertain},
		"batch, of a kind":  {batch, `,"SecretBindList":[{"Code":"OK"}]`, nil, dypls.Uncertain},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.call(t, ok(tt.fields))
			if tt.class == "" {
				if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				return
			}
			if failure, is := errors.AsType[*dypls.Error](err); !is || failure.Class != tt.class || failure.RequestID != "8906582E-6722" {
				t.Fatalf("got %v, want class %s and the RequestId", err, tt.class)
			}
		})
	}
}

// The names in a result are the API's own.
func TestResultsOfDirectCallsJSON(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		result any
		want   string
	}{
		"links":    {dypls.PublicURLs{PhonePublicURL: "http://h/x"}, `{"PhonePublicUrl":"http://h/x"}`},
		"number":   {dypls.SecretNoDetail{City: "西安"}, `{"SecretStatus":0,"CertifyStatus":0,"Vendor":0,"Province":"","City":"西安","PurchaseTime":""}`},
		"remain":   {dypls.SecretNoRemain{Amount: 6, City: "上海"}, `{"Amount":6,"City":"上海"}`},
		"remains":  {dypls.SecretNoRemain{Cities: []dypls.CityRemain{{"上海", 6}}}, `{"Amount":0,"RemainDTOList":[{"City":"上海","Amount":6}]}`},
		"group":    {dypls.AXGGroup{GroupID: "7"}, `{"GroupId":"7"}`},
		"no words": {dypls.Done{}, `{}`},
		"batch": {dypls.AXGBatch{SecretBindList: []dypls.AXGBatchItem{{Code: "OK", Message: "OK", SubsID: "1", SecretNo: numberX, GroupID: "7", PhoneNoA: numberA}}},
			`{"SecretBindList":[{"Code":"OK","Message":"OK","SubsId":"1","SecretNo":"17000000003","GroupId":"7","PhoneNoA":"15000000001"}]}`},
		"transcript": {dypls.Transcript{Code: "21050000", BizDuration: new(0), Sentences: []dypls.Sentence{{Text: "您好", BeginTime: new(0)}}},
			`{"Code":"21050000","BizDuration":0,"Sentences":[{"beginTime":0,"text":"您好"}]}`},
	} {
		got, err := json.Marshal(tt.result)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, tt.want)
		}
	}
}

func TestTranscriptTellsWhetherItIsOne(t *testing.T) {
	t.Parallel()
	good := dypls.Transcript{Code: "21050000", BizDuration: new(1500)}
	if !good.OK() || good.Duration() != 1500*time.Millisecond {
		t.Errorf("%v: OK %t, %s", good, good.OK(), good.Duration())
	}
	if bad := (dypls.Transcript{Code: "21050010"}); bad.OK() || bad.Duration() != 0 {
		t.Errorf("%v: OK %t, %s", bad, bad.OK(), bad.Duration())
	}
}

// batchOf is a batch of n binds that is valid now.
func batchOf(n int) dypls.BindBatchAXGRequest {
	request := dypls.BindBatchAXGRequest{PoolKey: "FC1", AxgBindList: manyBinds(n)}
	for i := range request.AxgBindList {
		request.AxgBindList[i].Expiration = soon().Expiration
	}
	return request
}

// classesOf returns the classes of the items that failed, by their index.
func classesOf(e *dypls.PartialError) map[int]dypls.Class {
	var classes map[int]dypls.Class
	for _, item := range e.Items {
		if classes == nil {
			classes = map[int]dypls.Class{}
		}
		classes[item.Index] = item.Err.Class
	}
	return classes
}

// A batch of which a part failed is no success, and what was made is not lost.
func TestBatchThatPartlyFails(t *testing.T) {
	t.Parallel()
	const made = `{"Code":"OK","Message":"OK","SubsId":"1000","SecretNo":"17000000003","PhoneNoA":"15000000000","GroupId":"7"}`
	const refused = `{"Code":"isv.INVALID_PARAMETERS","Message":"ringConfig of 15000000001 and 95013 invalid"}`
	const doubtful = `{"Code":"isp.UNKNOWN_ERR_CODE","Message":"m"}`
	const hollow = `{"Code":"OK","SubsId":"1000"}`
	tests := map[string]struct {
		asked   int
		list    string
		want    string              // the error
		classes map[int]dypls.Class // of the items that failed
		made    int
		lost    int
	}{
		"all made":   {2, made + "," + made, "", nil, 2, 0},
		"one failed": {2, refused + "," + made, "BindBatchAxg: 1 of 2 failed: 1 isv.INVALID_PARAMETERS (Rejected)", map[int]dypls.Class{0: dypls.Rejected}, 1, 0},
		"all failed": {2, refused + "," + refused, "BindBatchAxg: 2 of 2 failed: 2 isv.INVALID_PARAMETERS (Rejected)",
			map[int]dypls.Class{0: dypls.Rejected, 1: dypls.Rejected}, 0, 0},
		"several ways": {4, doubtful + "," + made + "," + refused + "," + hollow,
			"BindBatchAxg: 3 of 4 failed: 1 isp.UNKNOWN_ERR_CODE (Unavailable), 1 isv.INVALID_PARAMETERS (Rejected), 1 dyplsq.NoAnswer (Uncertain)",
			map[int]dypls.Class{0: dypls.Unavailable, 2: dypls.Rejected, 3: dypls.Uncertain}, 1, 0},
		"some unanswered": {3, made, "BindBatchAxg: 2 of 3 failed: 2 without an answer", nil, 1, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := batchOf(tt.asked)
			request.AxgBindList[0].PhoneNoB = "95013"
			got, err := dypls.BindBatchAXG.Call(t.Context(), ok(`,"SecretBindList":{"SecretBind":[`+tt.list+`]}`), request)
			bound := 0
			for _, item := range got.SecretBindList {
				if item.Binding().SubsID != "" {
					bound++
				}
			}
			if bound != tt.made {
				t.Errorf("%d bindings, want %d: %+v", bound, tt.made, got)
			}
			if shown := fmt.Sprintf("%+v %v", got, err); strings.Contains(shown, "15000000001") || strings.Contains(shown, "95013") {
				t.Errorf("a number is shown that the API repeated: %s", shown)
			}
			if tt.want == "" && err == nil {
				return
			}
			partial, is := errors.AsType[*dypls.PartialError](err)
			if !is || partial.Error() != tt.want || partial.Total != tt.asked || partial.Unanswered != tt.lost {
				t.Fatalf("error %v, want %s", err, tt.want)
			}
			if diff := cmp.Diff(tt.classes, classesOf(partial)); diff != "" {
				t.Errorf("items that failed (-want +got):\n%s", diff)
			}
		})
	}
}

// Who asks for an *Error alone would take a part for the whole, and send all of it again.
func TestPartOfABatchIsNotTheWhole(t *testing.T) {
	t.Parallel()
	const half = `{"Code":"OK","SubsId":"1000","SecretNo":"17000000003"},{"Code":"isv.BIND_CONFLICT"}`
	_, err := dypls.BindBatchAXG.Call(t.Context(), ok(`,"SecretBindList":{"SecretBind":[`+half+`]}`), batchOf(2))
	if _, is := errors.AsType[*dypls.Error](err); err == nil || is {
		t.Errorf("%v passes for the failure of the whole", err)
	}
}

// A batch that is refused as a whole is a failure like any other.
func TestBatchThatIsRefused(t *testing.T) {
	t.Parallel()
	got, err := dypls.BindBatchAXG.Call(t.Context(), says(200, `{"Code":"isv.POOLKEY_NOT_EXISTS","Message":"m"}`), batchOf(2))
	if failure, is := errors.AsType[*dypls.Error](err); !is || failure.Class != dypls.Rejected || got.SecretBindList != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// FuzzDirectAnswers: whatever is answered, nothing panics, and neither result nor error shows a
// number that came in a field for numbers, or what was said.
func FuzzDirectAnswers(f *testing.F) {
	for _, fields := range []string{
		`"Data":{"Code":"21050000","Sentences":[{"Text":"hush","SpeechRate":80}]}`, `"Data":"{\"code\":1,\"sentences\":\"[]\"}"`,
		`"Data":{"PhonePublicUrl":"http://h.example.com/hush?Expires=1"}`, `"SecretNoInfoDTO":{"SecretStatus":1,"PurchaseTime":"2021-08-25 20:11:29"}`,
		`"SecretRemainDTO":{"RemainDTOList":{"remainDTO":[{"Amount":1,"City":"c"}]}}`, `"GroupId":7`,
		`"SecretBindList":{"SecretBind":[{"Code":"OK","Message":"15012345678","SubsId":1,"SecretNo":"15012345678"}]}`,
	} {
		f.Add(fields)
	}
	f.Fuzz(func(t *testing.T, fields string) {
		body := `{"Code":"OK",` + fields + `}`
		if !json.Valid([]byte(body)) {
			t.Skip("the client lets no other body pass")
		}
		c := says(200, body)
		if _, err := c(t.Context(), dypls.Call{}); err != nil {
			t.Skip("it is no answer of the API")
		}
		said, err := dypls.GetSecretASRDetail.Call(t.Context(), c, samples["GetSecretAsrDetail"].minimal.(dypls.GetSecretASRDetailRequest))
		for _, s := range said.Sentences {
			if shown := fmt.Sprintf("%v %+v", s, said); len(s.Text) > 20 && strings.Contains(shown, string(s.Text)) {
				t.Errorf("what was said is shown: %q", shown)
			}
		}
		batch, batchErr := dypls.BindBatchAXG.Call(t.Context(), c, batchOf(1))
		for _, item := range batch.SecretBindList {
			if shown := fmt.Sprintf("%+v %v", batch, batchErr); len(item.SecretNo) > 12 && strings.Contains(shown, string(item.SecretNo)) {
				t.Errorf("a number is shown: %q", shown)
			}
		}
		links, linksErr := dypls.GetTotalPublicURL.Call(t.Context(), c, samples["GetTotalPublicUrl"].minimal.(dypls.GetTotalPublicURLRequest))
		_, _, _, _ = fmt.Sprintf("%v", links), linksErr, err, batchErr
		for _, action := range []func(*testing.T, dypls.Caller) (any, error){
			func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.QuerySecretNoDetail, c) },
			func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.QuerySecretNoRemain, c) },
			func(t *testing.T, c dypls.Caller) (any, error) { return call(t, dypls.CreateAXGGroup, c) },
		} {
			if got, err := action(t, c); err != nil {
				if _, is := errors.AsType[*dypls.Error](err); !is {
					t.Errorf("%v with %v", got, err)
				}
			}
		}
	})
}
