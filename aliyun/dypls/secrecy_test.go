package dypls_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// What must not be seen is the middle of the number and all of the link but its host.
const (
	secretPhone dypls.Phone     = "15012345678"
	secretLink  dypls.SignedURL = "http://records.example.com/hush.mp3?Expires=1629900689&Signature=hush"
)

// personal is what must not reach a screen or a log, in all the shapes that it takes.
func personal() map[string]any {
	type nested struct {
		Phone dypls.Phone
		URL   dypls.SignedURL
	}
	phone, url := secretPhone, secretLink
	shapes := map[string]any{
		"phone": phone, "pointer to phone": &phone, "url": url, "pointer to url": &url,
		"struct": nested{phone, url}, "pointer to struct": &nested{phone, url}, "struct in struct": struct{ Inner any }{nested{phone, url}},
		"slice": []dypls.Phone{phone}, "slice of urls": []dypls.SignedURL{url}, "slice of any": []any{phone, url}, "array": [1]dypls.Phone{phone},
		"map": map[string]dypls.Phone{"a": phone}, "map by phone": map[dypls.Phone]int{phone: 1}, "map of structs": map[int]nested{1: {phone, url}},
		"binding":               dypls.Binding{SubsID: "1", SecretNo: phone, Extension: phone},
		"recording":             dypls.Recording{DownloadURL: url},
		"sighting":              dypls.Sighting[dypls.Binding]{Res: dypls.Binding{SecretNo: phone}, Surplus: []dypls.Binding{{Extension: phone}}},
		"detail":                dypls.SubscriptionDetail{PhoneNoA: phone, PhoneNoB: phone, PhoneNoX: phone, Extension: phone},
		"links":                 dypls.PublicURLs{PhonePublicURL: url, RingPublicURL: url},
		"transcript":            dypls.Transcript{Msg: string(phone), Sentences: []dypls.Sentence{{Text: "hush"}}},
		"pointer to transcript": &dypls.Transcript{Msg: string(phone), Sentences: []dypls.Sentence{{Text: "hush"}}},
		"batch":                 dypls.AXGBatch{SecretBindList: []dypls.AXGBatchItem{{SecretNo: phone, Extension: phone, PhoneNoA: phone}}},
		"batch item":            dypls.AXGBatchItem{SecretNo: phone, Extension: phone, PhoneNoA: phone},
		"answer":                dypls.Answer{Code: string(phone), Message: string(phone) + " " + string(url), Body: []byte(`{"PhoneNoA":"15012345678"}`)},
	}
	for _, of := range dypls.ReceiptTypes() {
		receipts, err := dypls.ParseReceipts(of, fmt.Appendf(nil, `{"call_id":"c1","callId":"c1","phone_no":%[1]q,"secret_no":%[1]q,"peer_no":%[1]q,"called_display_no":%[1]q,"extension":%[1]q,
			"send_no":%[1]q,"receive_no":%[1]q,"timestamp":1,"operating_time":1,"record_url":%[2]q,"ring_record_url":%[2]q,"sms_content":"hush","sms_sign":"hush","out_id":%[1]q,"unknown":%[1]q,
			"sentences":[{"text":"hush"}]}`, string(phone), string(url)))
		if err != nil || receipts[0].Err != nil {
			panic(errors.Join(err, receipts[0].Err))
		}
		body := reflect.ValueOf(receipts[0].Body).Elem().Interface() // without its pointer
		shapes["receipt "+string(of)], shapes["raw "+string(of)], shapes["body "+string(of)], shapes["body without pointer "+string(of)] = receipts[0], receipts[0].Raw, receipts[0].Body, body
		if asr, is := body.(dypls.SecretAsrReport); is {
			shapes["sentence"], shapes["text"] = asr.Sentences[0], asr.Sentences[0].Text
		}
	}
	for action, s := range samples {
		request := reflect.New(reflect.TypeOf(s.full)).Elem()
		request.Set(reflect.ValueOf(s.full))
		for _, field := range request.Fields() {
			switch field.Type() {
			case reflect.TypeFor[dypls.Phone]():
				field.SetString(string(phone))
			case reflect.TypeFor[[]dypls.Phone]():
				field.Set(reflect.ValueOf([]dypls.Phone{phone, phone}))
			case reflect.TypeFor[[]dypls.AXGBind]():
				field.Set(reflect.ValueOf([]dypls.AXGBind{{PhoneNoA: phone, PhoneNoB: phone, PhoneNoX: phone}}))
			}
		}
		parameters := dypls.ParametersOf(request.Interface().(dypls.Request))
		shapes[action], shapes[action+" parameters"] = request.Interface(), parameters
		shapes[action+" call"] = dypls.Call{Action: action, Parameters: parameters}
		shapes[action+" pointer to call"] = &dypls.Call{Action: action, Parameters: parameters}
		for _, p := range parameters {
			shapes["parameter "+p.Name] = p
		}
	}
	return shapes
}

func noLeak(t *testing.T, what, text string) {
	t.Helper()
	for _, secret := range []string{"12345", "hush"} {
		// As it is, and as %x, % x and %d of its bytes would write it.
		forms := []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("% x", secret), strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]")}
		for _, form := range forms {
			if strings.Contains(text, form) {
				t.Errorf("%s shows %q: %s", what, secret, text)
			}
		}
	}
}

func TestNoVerbShowsPersonalData(t *testing.T) {
	t.Parallel()
	verbs := []string{"%v", "%+v", "%#v", "%s", "%q", "%#q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%e", "%g", "%t", "%U", "%T", "%40s", "%-40.30v", "%!", "%z"}
	tooFew := "none" // a variable, which vet does not look into
	for name, value := range personal() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, verb := range verbs {
				noLeak(t, verb, fmt.Sprintf(verb, value))
				noLeak(t, verb+" of an error", fmt.Errorf("it failed: "+verb, value).Error())
			}
			noLeak(t, "Sprint", fmt.Sprint(value))
			noLeak(t, "Sprintln", fmt.Sprintln("a", value, "b"))
			noLeak(t, "an argument too many", fmt.Sprintf(tooFew, value))
			noLeak(t, "a wrapped error", fmt.Errorf("outer: %w", errors.New(fmt.Sprint(value))).Error())
		})
	}
}

// withoutTime leaves out what differs each time.
var withoutTime = &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}}

// Handlers that write JSON would write whole what is marshalled; these types stand in the way.
func TestNoLogShowsPersonalData(t *testing.T) {
	t.Parallel()
	for name, value := range personal() {
		if kind := fmt.Sprintf("%T", value); !strings.HasPrefix(kind, "dypls.") && !strings.HasPrefix(kind, "*dypls.") {
			// a container of somebody else's goes through JSON, which gives all: Phone's documentation says
			// so
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var text, asJSON bytes.Buffer
			for _, handler := range []slog.Handler{slog.NewTextHandler(&text, withoutTime), slog.NewJSONHandler(&asJSON, withoutTime)} {
				logger := slog.New(handler)
				logger.Info("done", "value", value)
				logger.With("value", value).WithGroup("g").Info("done", slog.Group("inner", slog.Any("value", value)))
				logger.Info(fmt.Sprint(value))
			}
			noLeak(t, "TextHandler", text.String())
			noLeak(t, "JSONHandler", asJSON.String())
			if text.Len() == 0 || asJSON.Len() == 0 {
				t.Error("nothing was logged")
			}
		})
	}
}

// What a log shows must still be of use.
func TestLogOfARequest(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, withoutTime)).Info("sent", "request", samples["BindAxn"].minimal)
	want := "level=INFO msg=sent request.PoolKey=FC1 request.PhoneNoA=150****0001 request.Expiration=\"2026-11-22 18:30:00\"\n"
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The payload must hold what is to be sent.
func TestJSONIsWhole(t *testing.T) {
	t.Parallel()
	for value, want := range map[any]string{
		secretPhone: `"15012345678"`,
		secretLink:  `"http://records.example.com/hush.mp3?Expires=1629900689\u0026Signature=hush"`,
	} {
		if got, err := json.Marshal(value); err != nil || string(got) != want {
			t.Errorf("%s (%v), want %s", got, err, want)
		}
	}
	var back struct {
		Phone dypls.Phone
		URL   dypls.SignedURL
	}
	if err := json.Unmarshal([]byte(`{"Phone":"15012345678","URL":"http://h/x"}`), &back); err != nil || back.Phone != secretPhone || back.URL != "http://h/x" {
		t.Errorf("came back as %#v (%v)", back, err)
	}
}
