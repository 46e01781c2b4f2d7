// Package handrolled is the worker that a backend team writes by hand: asynq with its usual
// settings, and Alibaba Cloud's Go runtime called as their generated SDK calls it. It is what
// dyplsq is compared with, not a part of it.
package handrolled

import (
	"errors"
	"fmt"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
)

const codeOK = "OK"

// BindRequest is a BindAxn request, under the API's own parameter names.
type BindRequest struct {
	PoolKey    string `json:"PoolKey"`
	PhoneNoA   string `json:"PhoneNoA"`
	PhoneNoX   string `json:"PhoneNoX,omitempty"` // empty: the platform chooses
	Expiration string `json:"Expiration"`
	OutID      string `json:"OutId,omitempty"`
}

// Binding is what the API answers to a bind.
type Binding struct {
	SubsID    string `json:"SubsId"`
	SecretNo  string `json:"SecretNo"`
	Extension string `json:"Extension"`
}

// APIError is an answer that says no.
type APIError struct{ Code, Message, RequestID string }

func (e *APIError) Error() string {
	return fmt.Sprintf("%s: %s (request %s)", e.Code, e.Message, e.RequestID)
}

// APIConfig says where the API is and who calls it.
type APIConfig struct {
	Endpoint                     string // host, and port where it is not the usual one
	Protocol                     string // "": HTTPS
	AccessKeyID, AccessKeySecret string
}

// API calls Dyplsapi, version 2017-05-25.
type API struct{ client *openapi.Client }

// NewAPI returns a client with the runtime's own defaults.
func NewAPI(c APIConfig) (*API, error) {
	config := &openapiutil.Config{
		AccessKeyId: dara.String(c.AccessKeyID), AccessKeySecret: dara.String(c.AccessKeySecret),
		Endpoint: dara.String(c.Endpoint),
	}
	if c.Protocol != "" {
		config.Protocol = dara.String(c.Protocol)
	}
	client, err := openapi.NewClient(config)
	if err != nil {
		return nil, err
	}
	return &API{client}, nil
}

// BindAXN makes one call.
func (a *API) BindAXN(req BindRequest) (Binding, error) {
	var answer struct {
		SecretBindDTO Binding
	}
	err := a.call("BindAxn", openapiutil.Query(req), &answer)
	return answer.SecretBindDTO, err
}

// RecordingLink makes one call of QueryRecordFileDownloadUrl. CallTime is yyyy-MM-dd HH:mm:ss.
func (a *API) RecordingLink(poolKey, callID, callTime string) (string, error) {
	var answer struct {
		DownloadURL string `json:"DownloadUrl"`
	}
	err := a.call(
		"QueryRecordFileDownloadUrl",
		map[string]*string{"PoolKey": &poolKey, "CallId": &callID, "CallTime": &callTime}, &answer,
	)
	return answer.DownloadURL, err
}

// call makes one call, and reads what was answered.
func (a *API) call(action string, query map[string]*string, into any) error {
	response, err := a.client.CallApi(
		&openapiutil.Params{
			Action: dara.String(action), Version: dara.String("2017-05-25"), Protocol: dara.String("HTTPS"),
			Pathname: dara.String("/"),
			Method:   dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"),
			ReqBodyType: dara.String("formData"), BodyType: dara.String("json"),
		},
		&openapiutil.OpenApiRequest{Query: query},
		&dara.RuntimeOptions{},
	)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	var answer struct {
		Code, Message string
		RequestID     string `json:"RequestId"`
	}
	if err := errors.Join(
		dara.Convert(response["body"], &answer), dara.Convert(response["body"], into),
	); err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if answer.Code != codeOK {
		return &APIError{answer.Code, answer.Message, answer.RequestID}
	}
	return nil
}
