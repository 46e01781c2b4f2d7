package dypls_test

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// callerFunc is a Caller of one function.
type callerFunc func(ctx context.Context, call dypls.Call) (dypls.Answer, error)

func (f callerFunc) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	return f(ctx, call)
}

// says is a Caller whose API always answers the same: a body, and the envelope that is read from
// it.
func says(status int, body string) callerFunc {
	return func(context.Context, dypls.Call) (dypls.Answer, error) {
		answer := dypls.Answer{Status: status, Body: []byte(body)}
		var envelope struct {
			Code, Message string
			RequestID     string `json:"RequestId"`
			HostID        string `json:"HostId"`
		}
		if err := json.Unmarshal(answer.Body, &envelope); err != nil {
			return dypls.Answer{}, err
		}
		answer.Code, answer.Message = envelope.Code, envelope.Message
		answer.RequestID, answer.HostID = envelope.RequestID, envelope.HostID
		return answer, nil
	}
}

// ok is a Caller whose API says OK, with more fields of the action's own.
func ok(fields string) callerFunc {
	return says(http.StatusOK, `{"Code":"OK","Message":"OK","RequestId":"8906582E-6722"`+fields+`}`)
}
