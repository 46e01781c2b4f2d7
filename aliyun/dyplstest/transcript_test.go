package dyplstest_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

func TestTranscriptOfAPlacedCall(t *testing.T) {
	t.Parallel()
	config := dyplstest.Config{Transcripts: dyplstest.Transcripts{ReadyAfter: 12 * time.Minute}}
	inCall(t, config, func(t *testing.T, b bench, c dyplstest.PlacedCall) {
		request := dypls.GetSecretASRDetailRequest{PoolKey: c.PoolKey, CallID: c.CallID, CallTime: dypls.At(c.CallTime)}
		ask := func() (dypls.Transcript, error) { return dypls.GetSecretASRDetail.Call(t.Context(), b, request) }
		b.sleep(12 * time.Minute) // of 13
		_, err := ask()
		if failure, is := errors.AsType[*dypls.Error](err); !is || failure.Class != dypls.NotReady {
			t.Errorf("before it is there: %v", err)
		}
		b.sleep(time.Minute)
		got, err := ask()
		wantCode(t, "when it is there", "", err)
		if !got.OK() || got.Duration() != 53*time.Second || len(got.Sentences) < 5 || !strings.HasPrefix(got.BusinessID, c.CallID+"@!"+c.PoolKey+"@!") {
			t.Errorf("%v", got)
		}
		sides, end := map[int]int{}, 0
		for _, s := range got.Sentences {
			if *s.BeginTime < end || *s.EndTime <= *s.BeginTime || *s.EndTime > 53_000 || s.Text == "" || s.SpeechRate == "" {
				t.Errorf("sentence %v", s)
			}
			end = *s.EndTime
			sides[*s.ChannelID]++
		}
		if sorted := slices.Sorted(maps.Keys(sides)); !slices.Equal(sorted, []int{0, 1}) {
			t.Errorf("speakers %v", sorted)
		}
		if again, err := ask(); err != nil || !cmp.Equal(got, again) {
			t.Errorf("asked again, it is another: %v", err)
		}
		for what, change := range map[string]struct {
			code   string
			change func(*dypls.GetSecretASRDetailRequest)
		}{
			"another time": {"isv.ILLEGAL_ARGUMENT", func(r *dypls.GetSecretASRDetailRequest) { r.CallTime = dypls.At(c.CallTime.Add(-time.Second)) }},
			"another call": {"isv.ILLEGAL_ARGUMENT", func(r *dypls.GetSecretASRDetailRequest) { r.CallID = "c1" }},
			"another pool": {"isv.POOLKEY_NOT_EXISTS", func(r *dypls.GetSecretASRDetailRequest) { r.PoolKey = "FC9" }},
		} {
			asked := request
			change.change(&asked)
			_, err := dypls.GetSecretASRDetail.Call(t.Context(), b, asked)
			wantCode(t, what, change.code, err)
		}
		// A call on a binding that is not transcribed any more has none.
		b.want("OK", "UpdateSubscription", params{
			"PoolKey": c.PoolKey, "SubsId": c.SubsID, "PhoneNoX": string(c.SecretNo), "OperateType": dypls.UpdateASR, "ASRStatus": "false",
		})
		silent, err := b.PlaceCall(dyplstest.Dial{SubsID: c.SubsID, Caller: stranger})
		if err != nil || silent.Transcribed {
			t.Fatalf("%+v, %v", silent, err)
		}
		request.CallID, request.CallTime = silent.CallID, dypls.At(silent.CallTime)
		_, err = ask()
		wantCode(t, "not transcribed", "isv.ILLEGAL_ARGUMENT", err)
		b.sleep(31 * 24 * time.Hour)
		request.CallID, request.CallTime = c.CallID, dypls.At(c.CallTime)
		_, err = ask()
		wantCode(t, "not kept any longer", "isv.ILLEGAL_ARGUMENT", err)
	})
}

// The longest call that can be placed has a transcript that an answer can hold.
func TestTranscriptOfTheLongestCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench{nil, &clock{now: time.Now()}, t}
		sim, err := dyplstest.New(dyplstest.Config{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		b.Simulator = sim
		made := b.want("OK", "BindAxn", nowAXN().with(params{"ASRStatus": "true"})).SecretBindDTO
		c, err := b.PlaceCall(dyplstest.Dial{SubsID: made.SubsId, Caller: stranger, Length: 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		b.sleep(25 * time.Hour)
		a := b.want("OK", "GetSecretAsrDetail", params{"PoolKey": c.PoolKey, "CallId": c.CallID, "CallTime": dypls.At(c.CallTime).String()})
		if n := strings.Count(a.Body, `"Text"`); n != 1000 || len(a.Body) > 1<<20 {
			t.Errorf("%d sentences in %d bytes", n, len(a.Body))
		}
	})
}
