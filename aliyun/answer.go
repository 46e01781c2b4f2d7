package aliyun

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

const (
	// defaultMaxBody is three times the longest answer of the actions that package dypls knows: the
	// 1,110 extensions that one X can have, at 17 bytes each, in QuerySubsId's.
	defaultMaxBody = 64 << 10
	// mostMaxBody bounds what a caller may ask for.
	mostMaxBody = 1 << 20
	// requestIDHeader is set by the gateway, also where the body is of no use.
	requestIDHeader = "X-Acs-Request-Id"
)

// readAnswer returns what the API said. An error means that it said nothing that can be relied on:
// only a complete JSON object with a Code is an answer, whatever the status.
func readAnswer(resp *http.Response, maxBody int) (dypls.Answer, error) {
	if resp.StatusCode < http.StatusOK {
		return dypls.Answer{}, fmt.Errorf(
			"HTTP %d is no answer",
			resp.StatusCode,
		) // its body would be an open connection
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(maxBody)+1))
	if err != nil {
		return dypls.Answer{}, fmt.Errorf(
			"HTTP %d, and the answer broke off after %d bytes: %w",
			resp.StatusCode,
			len(body),
			err,
		)
	}
	if len(body) > maxBody {
		return dypls.Answer{}, fmt.Errorf(
			"HTTP %d, and the body must have at most %d bytes, and has more: see what answers in the API's place; "+
				"where so much is expected, set MaxAnswer of the Call, %d at most",
			resp.StatusCode,
			maxBody,
			mostMaxBody,
		)
	}
	members, err := envelopeOf(body)
	if err != nil {
		return dypls.Answer{}, fmt.Errorf("HTTP %d with %d bytes: %w", resp.StatusCode, len(body), err)
	}
	answer := dypls.Answer{
		Status:     resp.StatusCode,
		Code:       members.text("Code", "code"),
		Message:    members.text("Message", "message"),
		RequestID:  requestID(members.text("RequestId", "requestId")),
		HostID:     members.text("HostId", "hostId"),
		Body:       body,
		RetryAfter: retryAfter(resp.Header),
	}
	if answer.RequestID == "" {
		answer.RequestID = requestID(resp.Header.Get(requestIDHeader))
	}
	return answer, nil
}

// maxBodyOf is how long the body of a call's answer may be.
func maxBodyOf(call dypls.Call) int {
	if call.MaxAnswer <= 0 {
		return defaultMaxBody
	}
	return min(call.MaxAnswer, mostMaxBody)
}

// envelope holds the members that every answer shares. Alibaba's own runtime takes them in either
// case.
type envelope map[string]json.RawMessage

func envelopeOf(body []byte) (envelope, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("not UTF-8")
	}
	var members envelope
	if json.Unmarshal(body, &members) != nil {
		return nil, errors.New("not a JSON object") // the decoder's own words repeat what it read
	}
	if members.text("Code", "code") == "" {
		return nil, errors.New("a JSON object without a Code")
	}
	return members, nil
}

// text returns the first of the members that is there, "" when it is no string.
func (e envelope) text(names ...string) string {
	for _, name := range names {
		raw, found := e[name]
		if !found {
			continue
		}
		return textOf(raw)
	}
	return ""
}

// textOf returns what a JSON string says, "" for what is none.
func textOf(raw json.RawMessage) string {
	if last := len(raw) - 1; last > 0 && raw[0] == '"' &&
		bytes.IndexByte(raw, '\\') < 0 { // what nearly all are: valid, and nothing escaped
		return string(raw[1:last])
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

var (
	plainID = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	number  = regexp.MustCompile(`[0-9]{9}`)
)

// requestID returns an ID that may be shown, "" otherwise: it is printed with every error, so that
// it must not be a way out for a number. A UUID is one although it may hold many digits in a row.
func requestID(id string) string {
	const plainUUID = 36 // long: other forms of it are no ID of the API
	if len(id) == plainUUID && uuid.Validate(id) == nil ||
		plainID.MatchString(id) && !number.MatchString(id) {
		return id
	}
	return ""
}
