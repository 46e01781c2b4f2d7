package dyplstest

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	queuesPath   = "/queues/"
	mostMessages = 16
	longestWait  = 30
)

// What can be asked of a queue, as the rules of a [Fault] call it.
const (
	receiveMessage      = "ReceiveMessage"
	batchReceiveMessage = "BatchReceiveMessage"
	deleteMessage       = "DeleteMessage"
	batchDeleteMessage  = "BatchDeleteMessage"
)

// mnsRequest is a request to a queue that may be performed.
type mnsRequest struct {
	http    *http.Request
	action  string
	queue   *mnsQueue
	number  int // of messages
	wait    time.Duration
	peek    bool
	handles []string
}

// serveQueue answers as the message service does (MNS, now Simple Message Queue), at
// /queues/NAME/messages.
func (s *Simulator) serveQueue(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		mnsRefusal(mnsRefuse("InvalidRequest", "The body cannot be read."), 0).write(w, r)
		return
	}
	token, refusal := s.mnsAuthenticate(r, s.config.Now())
	if refusal != nil {
		mnsRefusal(refusal, 0).write(w, r)
		return
	}
	req, refusal := readMNS(r, body)
	if refusal != nil {
		mnsRefusal(refusal, 0).write(w, r)
		return
	}
	rule, refusal := s.enterQueue(&req, token)
	if refusal != nil {
		mnsRefusal(refusal, 0).write(w, r)
		return
	}
	handled := handling{
		perform: func() func(http.ResponseWriter) {
			a := s.performMNS(req)
			return func(w http.ResponseWriter) { a.write(w, r) }
		},
		fail: func(f Fault) func(http.ResponseWriter) {
			return func(w http.ResponseWriter) {
				mnsRefusal(mnsRefuse(f.Code, f.Message), f.Status).write(w, r)
			}
		},
	}
	if rule == nil {
		handled.perform()(w)
		return
	}
	s.misbehave(w, r, *rule, handled)
}

// enterQueue decides whether a token opens a queue, and whether a fault stands in the way. Each
// request is one of its own to a fault's Rate.
func (s *Simulator) enterQueue(req *mnsRequest, token *mnsToken) (*Fault, *mnsError) {
	name, _ := queueOf(req.http.URL.Path)
	if name != token.queue {
		return nil, mnsRefuse("AccessDenied", "The OwnerId that your Access Key Id associated to is forbidden for this operation.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.mns.queues[name]
	if q == nil {
		return nil, mnsRefuse("QueueNotExist", "The queue name you provided is not exist.")
	}
	if q.kind != token.kind {
		return nil, mnsRefuse("AccessDenied", "The queue is not for this MessageType.")
	}
	q.asked++
	req.queue = q
	rule := s.faults.hit(&call{
		action:     req.action,
		keyID:      token.account.key.AccessKeyID,
		parameters: parameters{{"Number", strconv.Itoa(q.asked)}, {"QueueName", name}},
	})
	if rule == nil {
		return nil, nil
	}
	return &rule.Fault, nil
}

// queueOf is the queue of a path such as /queues/NAME/messages.
func queueOf(path string) (name string, valid bool) {
	return strings.CutSuffix(strings.TrimPrefix(path, queuesPath), "/messages")
}

// readMNS reads what is asked for.
func readMNS(r *http.Request, body []byte) (mnsRequest, *mnsError) {
	req := mnsRequest{http: r}
	if name, valid := queueOf(r.URL.Path); !valid || name == "" || strings.Contains(name, "/") {
		return req, mnsRefuse("InvalidRequestURL", "Http request URL is invalid.")
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return req, mnsRefuse("InvalidQueryString", "Http request query string is invalid.")
	}
	switch r.Method {
	case http.MethodGet:
		return req, req.readReceive(query)
	case http.MethodDelete:
		return req, req.readDelete(query, body)
	}
	return req, mnsRefuse("InvalidRequestURL", "Http request URL contains a method that is not simulated.")
}

// readReceive knows the documented names alone: NumOfMessages and WaitSeconds, which a client of
// the past sends, are no parameters.
func (req *mnsRequest) readReceive(query url.Values) *mnsError {
	req.action, req.number = receiveMessage, 1
	for name, values := range query {
		n, err := strconv.Atoi(values[0])
		switch name {
		case "numOfMessages":
			if err != nil || n < 1 || n > mostMessages {
				return mnsRefuse("InvalidArgument", "numOfMessages must be from 1 to 16.")
			}
			req.action, req.number = batchReceiveMessage, n
		case "waitseconds":
			if err != nil || n < 0 || n > longestWait {
				return mnsRefuse("InvalidArgument", "waitseconds must be from 0 to 30.")
			}
			req.wait = time.Duration(n) * time.Second
		case "peekonly":
			req.peek = values[0] == "true"
		default:
			return mnsRefuse("InvalidQueryString", "Http request query string is invalid.")
		}
	}
	return nil
}

func (req *mnsRequest) readDelete(query url.Values, body []byte) *mnsError {
	if len(body) == 0 {
		req.action, req.handles = deleteMessage, []string{query.Get("ReceiptHandle")}
		if req.handles[0] == "" {
			return mnsRefuse("MissingReceiptHandle", "ReceiptHandle is required.")
		}
		return nil
	}
	req.action = batchDeleteMessage
	var handles xmlHandles
	if err := xml.Unmarshal(body, &handles); err != nil {
		return mnsRefuse("MalformedXML", "The XML you provided is not well formed.")
	}
	if n := len(handles.Handles); n < 1 || n > mostMessages {
		return mnsRefuse("InvalidArgument", "There must be from 1 to 16 ReceiptHandles.")
	}
	req.handles = handles.Handles
	return nil
}

func (s *Simulator) performMNS(req mnsRequest) mnsAnswer {
	if len(req.handles) > 0 {
		return s.deleteMessages(req)
	}
	return s.receiveMessages(req)
}

// receiveMessages waits in real time for a message to be there, and takes none for a client that is
// gone.
func (s *Simulator) receiveMessages(req mnsRequest) mnsAnswer {
	empty := mnsRefusal(mnsRefuse("MessageNotExist", "Message not exist."), 0)
	patience := time.NewTimer(req.wait)
	defer patience.Stop()
	for over := req.wait == 0; ; {
		s.mu.Lock()
		now := s.config.Now()
		req.queue.expire(now, s.config.Receipts.Retention)
		found, next := req.queue.take(req.number, req.peek, now, s.config.Receipts.Visibility)
		arrived := req.queue.arrived
		s.mu.Unlock()
		switch {
		case len(found) > 0 && req.action == receiveMessage:
			return mnsAnswer{status: http.StatusOK, body: xmlOneMessage{xmlMessage: found[0]}}
		case len(found) > 0:
			return mnsAnswer{status: http.StatusOK, body: xmlMessages{Messages: found}}
		case over:
			return empty
		}
		visible := time.NewTimer(longestWait * time.Second)
		if !next.IsZero() {
			visible.Reset(max(next.Sub(now), time.Millisecond))
		}
		select {
		case <-arrived:
		case <-visible.C:
		case <-patience.C:
			over = true
		case <-req.http.Context().Done():
			visible.Stop()
			return empty
		case <-s.closed:
			visible.Stop()
			return empty
		}
		visible.Stop()
	}
}

// deleteMessages deletes what it can, and names what it cannot.
func (s *Simulator) deleteMessages(req mnsRequest) mnsAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	var failed []xmlFailure
	for _, handle := range req.handles {
		refusal := req.queue.remove(handle, now)
		if refusal == nil {
			continue
		}
		if req.action == deleteMessage {
			return mnsRefusal(refusal, 0)
		}
		failed = append(failed, xmlFailure{
			ErrorCode: refusal.code, ErrorMessage: refusal.message, ReceiptHandle: handle,
		})
	}
	if len(failed) > 0 {
		return mnsAnswer{status: http.StatusNotFound, body: xmlFailures{Failures: failed}}
	}
	return mnsAnswer{status: http.StatusNoContent}
}
