package dypls

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// QueryTokenForMNSQueue returns what opens one of the queues in which the platform keeps receipts,
// for a while. It is an action of another product, Dybaseapi, of the same version and protocol:
// call it through a client of https://dybaseapi.aliyuncs.com. Its quota is not published.
var QueryTokenForMNSQueue = Operation[QueryTokenForMNSQueueRequest, QueueToken]{
	Action: "QueryTokenForMnsQueue", Repeatable: true, decode: decodeQueueToken,
}

// QueryTokenForMNSQueueRequest holds the parameters of QueryTokenForMnsQueue.
type QueryTokenForMNSQueueRequest struct {
	MessageType ReceiptType `json:"MessageType"`
	// QueueName is shown in the console, such as Alicom-Queue-1234567890123456-SecretReport.
	QueueName string `json:"QueueName"`
}

// QueueToken is a temporary access key for one queue of one type. Every formatting verb, log/slog
// and JSON leave its secrets out.
type QueueToken struct {
	AccessKeyID     string `json:"AccessKeyId"`
	AccessKeySecret string `json:"-"`
	SecurityToken   string `json:"-"`
	// Validity is from when it was made until it ends; 0 where the answer does not tell both. The
	// zone of its times is not documented: their difference does without.
	Validity time.Duration `json:"-"`
}

// Format implements [fmt.Formatter].
func (t QueueToken) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, t.masked()) }

// LogValue implements [slog.LogValuer].
func (t QueueToken) LogValue() slog.Value { return slog.StringValue(t.masked()) }

func (t QueueToken) masked() string {
	return fmt.Sprintf("dypls.QueueToken(valid for %s)", t.Validity)
}

// Validate implements [Request].
func (r QueryTokenForMNSQueueRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r QueryTokenForMNSQueueRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r QueryTokenForMNSQueueRequest) describe(d *description) {
	d.requiredIdentifier("MessageType", string(r.MessageType))
	d.requiredIdentifier("QueueName", r.QueueName)
}

func decodeQueueToken(body []byte) (QueueToken, error) {
	var answer struct {
		MessageTokenDTO struct {
			AccessKeyID     string `json:"AccessKeyId"`
			AccessKeySecret string `json:"AccessKeySecret"`
			SecurityToken   string `json:"SecurityToken"`
			CreateTime      loose  `json:"CreateTime"`
			ExpireTime      loose  `json:"ExpireTime"`
		} `json:"MessageTokenDTO"`
	}
	err := json.Unmarshal(body, &answer)
	dto := answer.MessageTokenDTO
	if err != nil || dto.AccessKeyID == "" || dto.AccessKeySecret == "" || dto.SecurityToken == "" {
		return QueueToken{}, errIncomplete
	}
	token := QueueToken{
		AccessKeyID:     dto.AccessKeyID,
		AccessKeySecret: dto.AccessKeySecret,
		SecurityToken:   dto.SecurityToken,
	}
	made, errMade := ParseTime(string(dto.CreateTime))
	ends, errEnds := ParseTime(string(dto.ExpireTime))
	if errMade == nil && errEnds == nil {
		token.Validity = max(ends.Sub(made.Time), 0)
	}
	return token, nil
}
