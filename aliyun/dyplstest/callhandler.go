package dyplstest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// dialBody is a [Dial] as other processes write it.
type dialBody struct {
	AccessKeyID  string      `json:"access_key_id"`
	SubsID       string      `json:"subs_id"`
	SecretNo     dypls.Phone `json:"secret_no"`
	Caller       dypls.Phone `json:"caller"`
	Callee       dypls.Phone `json:"callee"`
	Extension    string      `json:"extension"`
	RingMS       int64       `json:"ring_ms"`
	AnswerMS     int64       `json:"answer_ms"`
	LengthMS     int64       `json:"length_ms"`
	Answered     *bool       `json:"answered"`
	ReleaseCause int         `json:"release_cause"`
	ReleaseDir   *int        `json:"release_dir"`
	Recorded     *bool       `json:"recorded"`
}

func (b dialBody) dial() (Dial, error) {
	const most = int64(longestPart / time.Millisecond)
	for name, ms := range map[string]int64{
		"ring_ms": b.RingMS, "answer_ms": b.AnswerMS, "length_ms": b.LengthMS,
	} {
		if ms < 0 || ms > most {
			return Dial{}, fmt.Errorf("%s must be from 0 to 24 hours: leave it out for the usual", name)
		}
	}
	return Dial{
		AccessKeyID:  b.AccessKeyID,
		SubsID:       b.SubsID,
		SecretNo:     b.SecretNo,
		Caller:       b.Caller,
		Callee:       b.Callee,
		Extension:    b.Extension,
		RingAfter:    time.Duration(b.RingMS) * time.Millisecond,
		AnswerAfter:  time.Duration(b.AnswerMS) * time.Millisecond,
		Length:       time.Duration(b.LengthMS) * time.Millisecond,
		Unanswered:   b.Answered != nil && !*b.Answered,
		ReleaseCause: b.ReleaseCause,
		ReleaseDir:   b.ReleaseDir,
		Recorded:     b.Recorded,
	}, nil
}

// CallsHandler places calls for other processes. POST takes a JSON object such as
//
//	{"secret_no":"17000000000","caller":"15000000002","ring_ms":2000,"answer_ms":5000,"length_ms":60000}
//
// with the fields of [Dial] in this form (answered is true and recorded as the binding says, unless
// they are given), and answers the [PlacedCall]; what is wrong with it is answered with 400, and
// 404 where there is no such binding. GET answers JSON Lines, one [PlacedCall] a line.
//
// As [Simulator.LedgerHandler] it asks for no credentials, and its numbers are whole.
func (s *Simulator) CallsHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			writeLines(w, s.Calls())
		case http.MethodPost:
			s.handleDial(w, r)
		default:
			w.Header().Set("Allow", "GET, POST")
			http.Error(w, "calls are placed with POST, and read with GET", http.StatusMethodNotAllowed)
		}
	})
}

func (s *Simulator) handleDial(w http.ResponseWriter, r *http.Request) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	var body dialBody
	if err := decoder.Decode(&body); err != nil {
		http.Error(w, "the body must be a JSON object of a call: "+withoutValue(err), http.StatusBadRequest)
		return
	}
	dial, err := body.dial()
	if err == nil {
		var placed PlacedCall
		//nolint:contextcheck // a call outlives the request that places it
		if placed, err = s.PlaceCall(dial); err == nil {
			writeLines(w, []PlacedCall{placed})
			return
		}
	}
	status := http.StatusBadRequest
	if errors.Is(err, ErrNoBinding) {
		status = http.StatusNotFound
	}
	http.Error(w, err.Error(), status)
}

// withoutValue says what is wrong with JSON, and not what stands there: it may be a number.
func withoutValue(err error) string {
	if wrong, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		return wrong.Field + " must not be a " + wrong.Value[:min(len(wrong.Value), len("number"))]
	}
	if wrong, is := errors.AsType[*json.SyntaxError](err); is {
		return fmt.Sprintf("it is no JSON from byte %d on", wrong.Offset)
	}
	return "take the fields that dyplstest.CallsHandler names"
}

// writeLines answers JSON Lines.
func writeLines[T any](w http.ResponseWriter, all []T) {
	w.Header().Set("Content-Type", "application/jsonl; charset=utf-8")
	buffered := bufio.NewWriter(w)
	encoder := json.NewEncoder(buffered)
	for i := range all {
		//nolint:errchkjson // strings, times and numbers always can be encoded
		if encoder.Encode(&all[i]) != nil {
			return // the client is gone
		}
	}
	_ = buffered.Flush()
}
