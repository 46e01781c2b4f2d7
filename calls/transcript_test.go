package calls

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestTranscriptIsKeptWithItsCall: the service sends the transcript of a call on a binding with
// ASRStatus as it would answer GetSecretAsrDetail; the call has it, and shows nothing of it.
func TestTranscriptIsKeptWithItsCall(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t))
	run(t, s)
	server := serve(t, s, HandlerConfig{})
	api := dyplstest.Start(t, dyplstest.Config{
		Calls:    dyplstest.Calls{Scale: 0.001},
		Receipts: dyplstest.Receipts{Push: dyplstest.PushAll(server.URL + "/receipts/" + secret), AnswerWithin: within},
	})
	client, err := aliyun.New(aliyun.Config{Endpoint: api.URL(), Credentials: aliyun.StaticCredentials(api.AccessKeyID, api.AccessKeySecret, "")})
	if err != nil {
		t.Fatal(err)
	}
	bound, err := dypls.BindAXN.Call(t.Context(), client, dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: numberA, Expiration: dypls.At(time.Now().Add(time.Hour)), ASRStatus: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	placed, err := api.PlaceCall(dyplstest.Dial{SubsID: bound.SubsID, Caller: numberB})
	if err != nil {
		t.Fatal(err)
	}
	var c Call
	redistest.Poll(t, within, "the transcript", func(ctx context.Context) error {
		if c, err = s.Get(ctx, placed.CallID); err == nil && c.Transcript == "" {
			err = errors.New("it is not there")
		}
		return err
	})
	asked, err := dypls.GetSecretASRDetail.Call(t.Context(), client, dypls.GetSecretASRDetailRequest{
		PoolKey: placed.PoolKey, CallID: placed.CallID, CallTime: dypls.At(placed.CallTime),
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, raw := range c.Raw {
		if !strings.HasPrefix(key, string(dypls.TypeSecretAsrReport)) {
			continue
		}
		receipts, err := dypls.ParseReceipts(dypls.TypeSecretAsrReport, []byte("["+string(raw)+"]"))
		if err != nil {
			t.Fatal(err)
		}
		report, _ := receipts[0].Body.(*dypls.SecretAsrReport)
		if diff := cmp.Diff(asked.Sentences, report.Sentences); diff != "" || len(report.Sentences) == 0 || !report.OK() {
			t.Errorf("(-asked for +sent):\n%s", diff)
		}
		if text := string(report.Sentences[0].Text); strings.Contains(c.String(), text) {
			t.Errorf("the call shows %s", text)
		}
		return
	}
	t.Errorf("the call has %v", c.Receipts)
}
