package mns

import (
	"crypto/md5" //nolint:gosec // the protocol's own choice
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Message is one that was taken, or looked at.
type Message struct {
	// Handle deletes it, as long as it is hidden.
	Handle string
	// Body is as it was sent: base64, as a rule.
	Body     string
	BodyMD5  string
	Enqueued time.Time
	// Taken is how many times somebody has taken it.
	Taken int
}

// Whole reports whether the body is what its checksum says. Of what the checksum is, the body as it
// is sent or what its base64 stands for, is not documented: either will do, and so will none.
func (m Message) Whole() bool {
	if m.BodyMD5 == "" || strings.EqualFold(m.BodyMD5, sumOf([]byte(m.Body))) {
		return true
	}
	plain, err := base64.StdEncoding.DecodeString(m.Body)
	return err == nil && strings.EqualFold(m.BodyMD5, sumOf(plain))
}

func sumOf(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

type xmlMessages struct {
	XMLName  xml.Name `xml:"Messages"`
	Messages []struct {
		ReceiptHandle  string `xml:"ReceiptHandle"`
		MessageBody    string `xml:"MessageBody"`
		MessageBodyMD5 string `xml:"MessageBodyMD5"`
		EnqueueTime    int64  `xml:"EnqueueTime"`
		DequeueCount   int    `xml:"DequeueCount"`
	} `xml:"Message"`
}

func (x xmlMessages) all() []Message {
	messages := make([]Message, len(x.Messages))
	for i, m := range x.Messages {
		messages[i] = Message{
			Handle:   m.ReceiptHandle,
			Body:     m.MessageBody,
			BodyMD5:  m.MessageBodyMD5,
			Enqueued: time.UnixMilli(m.EnqueueTime),
			Taken:    m.DequeueCount,
		}
	}
	return messages
}

type xmlHandles struct {
	XMLName xml.Name `xml:"http://mns.aliyuncs.com/doc/v1/ ReceiptHandles"`
	Handles []string `xml:"ReceiptHandle"`
}

type xmlError struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string   `xml:"Code"`
	Message   string   `xml:"Message"`
	RequestID string   `xml:"RequestId"`
}

type xmlErrors struct {
	XMLName xml.Name `xml:"Errors"`
	Errors  []struct {
		Code    string `xml:"ErrorCode"`
		Message string `xml:"ErrorMessage"`
	} `xml:"Error"`
}

// Error is a refusal. Its text holds no number and no handle.
type Error struct {
	Status    int // of HTTP
	Code      string
	Message   string
	RequestID string
}

func (e *Error) Error() string {
	text := fmt.Sprintf("HTTP %d", e.Status)
	if e.Code != "" {
		text += " " + dypls.Scrub(e.Code+": "+e.Message)
	}
	if e.RequestID != "" {
		text += " [RequestId " + dypls.Scrub(e.RequestID) + "]"
	}
	return text
}

const (
	codeNoMessage = "MessageNotExist"
	codeNoQueue   = "QueueNotExist"
	codeClock     = "TimeExpired"
)

// isExpired tells of what a handle is refused with that does not delete any more.
func isExpired(code string) bool { return code == codeNoMessage || code == "ReceiptHandleError" }

// IsDenied reports whether the token is refused: it has ended, is of another queue, or may not.
func (e *Error) IsDenied() bool {
	return slices.Contains(
		[]string{"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}, e.Code,
	)
}

// IsNoQueue reports whether there is no queue of the name.
func (e *Error) IsNoQueue() bool { return e.Code == codeNoQueue }

// IsClock reports whether this machine's clock is too far off.
func (e *Error) IsClock() bool { return e.Code == codeClock }
