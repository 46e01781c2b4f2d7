package dyplstest

import (
	"cmp"
	"encoding/xml"
	"net/http"
)

const (
	mnsVersion   = "2015-06-06"
	mnsNamespace = "http://mns.aliyuncs.com/doc/v1/"
)

type xmlMessage struct {
	XMLName          xml.Name `xml:"Message"`
	MessageID        string   `xml:"MessageId"`
	ReceiptHandle    string   `xml:",omitempty"`
	MessageBody      string
	MessageBodyMD5   string
	EnqueueTime      int64
	NextVisibleTime  int64 `xml:",omitempty"`
	FirstDequeueTime int64 `xml:",omitempty"`
	DequeueCount     int
	Priority         int
}

type xmlMessages struct {
	XMLName  xml.Name `xml:"http://mns.aliyuncs.com/doc/v1/ Messages"`
	Messages []xmlMessage
}

// xmlOneMessage is what ReceiveMessage answers: one message, at the root.
type xmlOneMessage struct {
	xmlMessage

	XMLName xml.Name `xml:"http://mns.aliyuncs.com/doc/v1/ Message"`
}

type xmlHandles struct {
	XMLName xml.Name `xml:"ReceiptHandles"`
	Handles []string `xml:"ReceiptHandle"`
}

type xmlFailures struct {
	XMLName  xml.Name `xml:"http://mns.aliyuncs.com/doc/v1/ Errors"`
	Failures []xmlFailure
}

type xmlFailure struct {
	XMLName       xml.Name `xml:"Error"`
	ErrorCode     string
	ErrorMessage  string
	ReceiptHandle string
}

type xmlError struct {
	XMLName   xml.Name `xml:"Error"`
	Namespace string   `xml:"xmlns,attr,omitempty"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId"`
	EC        string `xml:",omitempty"`
}

// mnsError is a refusal.
type mnsError struct{ code, message string }

func mnsRefuse(code, message string) *mnsError { return &mnsError{code, message} }

// mnsStatuses are the statuses of codes, by the table of errors; others come with 400.
var mnsStatuses = map[string]int{
	"AccessDenied":          http.StatusForbidden,
	"InvalidAccessKeyId":    http.StatusForbidden,
	"SignatureDoesNotMatch": http.StatusForbidden,
	"MessageNotExist":       http.StatusNotFound,
	"QueueNotExist":         http.StatusNotFound,
	"TimeExpired":           http.StatusRequestTimeout,
	"InternalError":         http.StatusInternalServerError,
	"InternalServerError":   http.StatusInternalServerError,
	"ServiceUnavailable":    http.StatusServiceUnavailable,
}

// mnsAnswer is what a request to a queue is answered with.
type mnsAnswer struct {
	status int
	body   any // XML; nil for none
	refuse *mnsError
}

func mnsRefusal(e *mnsError, status int) mnsAnswer {
	return mnsAnswer{
		status: cmp.Or(status, mnsStatuses[e.code], http.StatusBadRequest),
		refuse: e,
	}
}

func (a mnsAnswer) write(w http.ResponseWriter, r *http.Request) {
	requestID := newRequestID()
	body := a.body
	if a.refuse != nil {
		body = xmlError{
			Namespace: mnsNamespace, Code: a.refuse.code, Message: a.refuse.message,
			RequestID: requestID, HostID: "http://" + r.Host,
		}
	}
	w.Header().Set("x-mns-request-id", requestID)
	w.Header().Set("x-mns-version", mnsVersion)
	writeXML(w, a.status, body)
}

func writeXML(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	encoded, _ := xml.Marshal(body) // strings and numbers always can be encoded
	w.Header().Set("Content-Type", "text/xml;charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), encoded...))
}
