package dyplstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	pushesAtOnce = 64
	answerLimit  = 64 << 10
)

// pusher sends pushes. It ends with the simulator.
type pusher struct {
	client *http.Client
	slots  chan struct{}
	ctx    context.Context //nolint:containedctx // that of the simulator's life
	end    context.CancelFunc
}

func newPusher() pusher {
	transport := &http.Transport{
		MaxIdleConnsPerHost: pushesAtOnce,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
	}
	ctx, end := context.WithCancel(context.Background())
	return pusher{
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		slots: make(chan struct{}, pushesAtOnce),
		ctx:   ctx,
		end: func() {
			end()
			transport.CloseIdleConnections()
		},
	}
}

// outbox collects receipts of one type for the next push.
type outbox struct{ waiting []*Receipt }

// empty takes all that waits. The simulator's lock is held.
func (o *outbox) empty() []*Receipt {
	batch := o.waiting
	o.waiting = nil
	return batch
}

// pushLater pushes a receipt: alone at once, or with others of its type that come soon.
func (s *Simulator) pushLater(r *Receipt) {
	config := s.config.Receipts
	if config.Batch == 1 {
		s.push([]*Receipt{r}, 0)
		return
	}
	s.mu.Lock()
	if s.receipts.boxes == nil {
		s.receipts.boxes = map[string]*outbox{}
	}
	box := s.receipts.boxes[r.Type]
	if box == nil {
		box = &outbox{}
		s.receipts.boxes[r.Type] = box
	}
	box.waiting = append(box.waiting, r)
	var full []*Receipt
	first := len(box.waiting) == 1
	if len(box.waiting) >= config.Batch {
		full = box.empty()
	}
	s.mu.Unlock()
	switch {
	case full != nil:
		s.push(full, 0)
	case first:
		time.AfterFunc(config.Linger, func() {
			s.mu.Lock()
			batch := box.empty()
			s.mu.Unlock()
			if len(batch) > 0 {
				s.push(batch, 0)
			}
		})
	}
}

// push makes an attempt, the first being 0, and sees to the next one.
func (s *Simulator) push(batch []*Receipt, attempt int) {
	select {
	case s.pusher.slots <- struct{}{}:
	case <-s.closed:
		return
	}
	records := make([]json.RawMessage, len(batch))
	for i, r := range batch {
		records[i] = r.Record
	}
	body, _ := json.Marshal(records) //nolint:errchkjson // each was encoded before
	begun := time.Now()
	made := Push{At: s.config.Now(), Records: len(batch)}
	s.pusher.post(s.config.Receipts, batch[0].Type, body, &made)
	<-s.pusher.slots
	made.TookMS = float64(time.Since(begun).Microseconds()) / 1000
	select {
	case <-s.closed: // and so cut short
		return
	default:
	}
	again := s.config.Receipts.Again
	s.mu.Lock()
	for _, r := range batch {
		r.Pushes = append(r.Pushes, made)
		switch {
		case made.Accepted:
			r.Outcome = ReceiptAccepted
		case attempt >= len(again):
			r.Outcome = ReceiptDropped
		}
	}
	s.mu.Unlock()
	if !made.Accepted && attempt < len(again) {
		s.later(again[attempt], func() { s.push(batch, attempt+1) })
	}
}

// post makes one request, and fills in what came of it.
func (p pusher) post(config Receipts, kind string, body []byte, made *Push) {
	ctx, cancel := context.WithTimeout(p.ctx, config.AnswerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(
		ctx, http.MethodPost, config.Push[kind], bytes.NewReader(body),
	)
	if err != nil {
		made.Problem = "the address cannot be asked"
		return
	}
	request.Header.Set("Content-Type", "application/json;charset=UTF-8")
	response, err := p.client.Do(request)
	if err != nil {
		made.Problem = "no answer: " + withoutAddress(err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	made.Status = response.StatusCode
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	made.Answer = string(answer[:min(len(answer), 256)])
	switch {
	case err != nil:
		made.Problem = "no whole answer: " + withoutAddress(err)
	case response.StatusCode != http.StatusOK:
		made.Problem = fmt.Sprintf("the status is %d, not 200", response.StatusCode)
	case !hasCode(answer):
		made.Problem = `the answer is no JSON object with a number as "code"`
	default:
		made.Accepted = true
	}
}

// hasCode reports whether an answer is what the service wants: its code must be a number, any.
func hasCode(answer []byte) bool {
	var object map[string]json.RawMessage
	if json.Unmarshal(answer, &object) != nil {
		return false
	}
	var code float64
	return json.Unmarshal(object["code"], &code) == nil && string(object["code"]) != "null"
}

// withoutAddress leaves out the address of a push, which may hold a secret.
func withoutAddress(err error) string {
	if wrapped, is := errors.AsType[*url.Error](err); is {
		err = wrapped.Err
	}
	return err.Error()
}
