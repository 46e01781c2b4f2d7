package dyplstest

import (
	"crypto/md5" //nolint:gosec // the protocol's own choice
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// mns is the simulated message service: the queues of receipts, and the tokens for them.
type mns struct {
	tokens map[string]*mnsToken // by their access key
	queues map[string]*mnsQueue
}

// mnsQueue holds the receipts of one type that wait to be fetched.
type mnsQueue struct {
	kind     string
	messages []*mnsMessage          // in the order in which they came
	byID     map[string]*mnsMessage // those that are there
	last     int
	asked    int           // requests so far
	arrived  chan struct{} // closed when a message comes
}

type mnsMessage struct {
	id, handle            string
	body                  string
	receipt               *Receipt
	enqueued, nextVisible time.Time
	firstTaken            time.Time
	taken                 int
}

func newMNS(queues map[string]string) mns {
	all := map[string]*mnsQueue{}
	for kind, name := range queues {
		all[name] = &mnsQueue{
			kind:    kind,
			byID:    map[string]*mnsMessage{},
			arrived: make(chan struct{}),
		}
	}
	return mns{queues: all}
}

// put adds a receipt. Its body is base64 of the JSON object.
func (q *mnsQueue) put(r *Receipt, now time.Time) {
	q.last++
	m := &mnsMessage{
		id:       fmt.Sprintf("%032X", q.last),
		body:     base64.StdEncoding.EncodeToString(r.Record),
		receipt:  r,
		enqueued: now,
	}
	q.messages = append(q.messages, m)
	q.byID[m.id] = m
	close(q.arrived)
	q.arrived = make(chan struct{})
}

// expire forgets what nobody fetched in time.
func (q *mnsQueue) expire(now time.Time, retention time.Duration) {
	for len(q.messages) > 0 {
		first := q.messages[0]
		if q.byID[first.id] != nil {
			if now.Sub(first.enqueued) <= retention {
				return
			}
			first.receipt.Outcome = ReceiptExpired
			delete(q.byID, first.id)
		}
		q.messages[0], q.messages = nil, q.messages[1:]
	}
}

// take returns messages that are visible, at most n. Unless it only peeks they are hidden for a
// while, each under a new handle. Where there are none it tells when the next one is visible
// again: the zero time for never.
func (q *mnsQueue) take(
	n int,
	peek bool,
	now time.Time,
	hidden time.Duration,
) (found []xmlMessage, next time.Time) {
	for _, m := range q.messages {
		if len(found) == n {
			break
		}
		if q.byID[m.id] == nil {
			continue
		}
		if m.nextVisible.After(now) {
			if next.IsZero() || m.nextVisible.Before(next) {
				next = m.nextVisible
			}
			continue
		}
		if !peek {
			m.taken++
			m.receipt.Fetched++
			m.nextVisible = now.Add(hidden)
			m.handle = handleOf(m.id, m.taken)
			if m.taken == 1 {
				m.firstTaken = now
			}
		}
		found = append(found, m.xml(peek))
	}
	return found, next
}

func (m *mnsMessage) xml(peek bool) xmlMessage {
	sum := md5.Sum([]byte(m.body)) //nolint:gosec // as above
	x := xmlMessage{
		MessageID:      m.id,
		MessageBody:    m.body,
		MessageBodyMD5: fmt.Sprintf("%X", sum),
		EnqueueTime:    m.enqueued.UnixMilli(),
		DequeueCount:   m.taken,
		Priority:       8, // the usual one
	}
	if m.taken > 0 {
		x.FirstDequeueTime = m.firstTaken.UnixMilli()
	}
	if !peek {
		x.ReceiptHandle, x.NextVisibleTime = m.handle, m.nextVisible.UnixMilli()
	}
	return x
}

// handleOf is a handle, different each time a message is taken.
func handleOf(id string, taken int) string {
	return "1-" + base64.StdEncoding.EncodeToString([]byte(id+"-"+strconv.Itoa(taken)))
}

// remove deletes a message by its handle. Only the newest handle does, and only
// while the message is hidden.
func (q *mnsQueue) remove(handle string, now time.Time) *mnsError {
	encoded, isHandle := strings.CutPrefix(handle, "1-")
	plain, err := base64.StdEncoding.DecodeString(encoded)
	id, _, hasCount := strings.Cut(string(plain), "-")
	if !isHandle || err != nil || !hasCount {
		return mnsRefuse("ReceiptHandleError", "The receipt handle you provided is not valid.")
	}
	m := q.byID[id]
	if m == nil || m.handle != handle || !m.nextVisible.After(now) {
		return mnsRefuse("MessageNotExist", "Message not exist.")
	}
	delete(q.byID, id)
	m.receipt.Outcome = ReceiptDeleted
	return nil
}
