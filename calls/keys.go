package calls

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/redis/go-redis/v9"
)

// The keys in Redis. None looks like a task's, which begins with dypls:{ whatever the id, and none
// holds what an application wrote into an OutId, which may be anything.
const (
	pushStream   = "dypls:receipts"        // pushes that are not merged yet
	unreadStream = "dypls:receipts:unread" // what cannot be read
	otherStream  = "dypls:receipts:other"  // what is of no call
	changeStream = "dypls:calls"           // a call has changed
	readyKey     = "dypls:receipts:ready"  // written to see whether Redis takes what is written

	// The indexes of recordings, in one slot of a cluster: those that are due, by when; those that are
	// tried, and those that are not kept, which are these and the lost, by when they were dialled.
	dueKey     = "dypls:recordings:{index}:due"
	triedKey   = "dypls:recordings:{index}:tried"
	missingKey = "dypls:recordings:{index}:missing"

	mostUnread = 10_000
	mostOther  = 100_000
)

// The fields of entries.
const (
	fieldType   = "type"
	fieldWay    = "way"
	fieldBody   = "body"
	fieldReason = "reason"
	fieldKey    = "key"
	fieldCall   = "call"
	// fieldAccount is that of the numbers, left out for the default account.
	fieldAccount = "account"
)

// Ways by which a receipt comes.
const (
	wayHTTP  = "http"
	wayQueue = "queue"
)

// callKey is the record of a call. The braces keep it in one slot of a cluster.
func callKey(id string) string { return "dypls:call:{" + id + "}" }

// dayKey is the index of the calls of a day.
func dayKey(at time.Time) string { return dayPrefix + at.UTC().Format(time.DateOnly) }

const dayPrefix = "dypls:calls:day:"

// taskKey is the index of the calls of a task, by the OutId of its binding.
func taskKey(id string) string { return taskPrefix + hashed(id) }

const taskPrefix = "dypls:calls:task:"

// taskKey is the index that calls are noted in. An OutId may be anything, a number too: with keys
// nobody finds it by trying numbers.
func (s *Store) taskKey(id string) string {
	if !s.keys.Seals() {
		return taskKey(id)
	}
	return s.keyedTaskKey(id)
}

func (s *Store) keyedTaskKey(id string) string {
	return taskPrefix + "k" + hex.EncodeToString(s.keys.Hash("call's task", id)[:hashBytes])
}

const hashBytes = 12

// bindingKey is the index of the calls of a binding.
func bindingKey(subsID string) string { return "dypls:calls:binding:" + hashed(subsID) }

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:hashBytes])
}

// CheckWrite returns why Redis does not take what is written, nil where it does.
func CheckWrite(ctx context.Context, client redis.UniversalClient) error {
	return client.Set(ctx, readyKey, "", time.Minute).Err()
}
