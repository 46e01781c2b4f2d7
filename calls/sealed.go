package calls

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// What of a call may be a number, what somebody wrote, or a link, is sealed where there are keys,
// and so is each receipt, in whatever stream it waits. Ids, pools, times and causes are not:
// scripts and indexes go by them. The account of a call stands with its rank, and changes with it:
// its values are sealed for none.

// sealedFacts are the fields of a call that are sealed, beside those of receipts.
var sealedFacts = []string{
	factOutID, factPhoneNo, factSecretNo, factPeerNo, factDisplayNo, factExtension, factControlMsg,
	factRecordURL, factRingRecordURL, fieldRecordingLocation,
}

func isSealed(field string) bool {
	return strings.HasPrefix(field, prefixReceipt) || slices.Contains(sealedFacts, field)
}

// sealFact returns what is to stand in a field of a call.
func (s *Store) sealFact(id, field, plain string) string {
	if !isSealed(field) {
		return plain
	}
	return s.keys.Seal(seal.Place{Key: callKey(id), Field: field}, plain)
}

// openFact returns what stands in a field of a call. Its errors are *[seal.MissingKeyError] and
// *[seal.TamperedError]: also for what can be neither a fact nor a receipt.
func (s *Store) openFact(id, field, stored string) (string, error) {
	if !isSealed(field) {
		return stored, nil
	}
	at := seal.Place{Key: callKey(id), Field: field}
	plain, err := s.keys.Open(at, stored)
	if err == nil && strings.HasPrefix(plain, "\x00") { // a mark of what is sealed was changed
		return "", &seal.TamperedError{Place: at}
	}
	return plain, err
}

// checkFound returns why it is no truth that a task has no calls: they are found by keys, and there
// are none.
func (s *Store) checkFound(ctx context.Context, taskID string) error {
	if taskID == "" || s.keys.On() {
		return nil
	}
	asked, err := record.NewStore(s.redis).Requested(ctx, taskID)
	if err != nil {
		return failure(ctx, err)
	}
	if !asked.Fingerprint.Readable(s.keys) {
		return fmt.Errorf("calls of task %s: %w: they are found by keys, and this process has none: give it the keys "+
			"(Config.Keys, DYPLSQ_KEYS_FILE)", taskID, tasks.ErrUndecryptable)
	}
	return nil
}

// sealEntry returns what is to stand in a field of a stream's entry.
func (s *Store) sealEntry(stream, account, field string, plain []byte) any {
	if !s.keys.Seals() {
		return plain
	}
	return s.keys.Seal(seal.Place{Account: account, Key: stream, Field: field}, string(plain))
}

// isUndecryptable tells of a value that does not open.
func isUndecryptable(err error) bool {
	_, missing := errors.AsType[*seal.MissingKeyError](err)
	_, tampered := errors.AsType[*seal.TamperedError](err)
	return missing || tampered
}

// openAll opens the fields of a call in place. Those that do not open are left out; err
// says why the first does not.
func (s *Store) openAll(id string, hash map[string]string) (err error) {
	for name, stored := range hash {
		plain, failed := s.openFact(id, name, stored)
		if failed == nil {
			hash[name] = plain
			continue
		}
		hash[name] = ""
		if err == nil {
			err = failed
		}
	}
	return err
}

// sayHeld tells of a push that is held, now and then.
func (s *Store) sayHeld(err error) {
	if mayTell(&s.saidHeld) {
		s.log.Error().Str("error", reasonOf(err)).Msg("receipts undecryptable; held in dypls:receipts")
	}
}

// mayTell reports whether it is long enough since it was told last, in Unix milliseconds.
func mayTell(said *atomic.Int64) bool {
	now, last := time.Now().UnixMilli(), said.Load()
	return now-last >= sayEvery.Milliseconds() && said.CompareAndSwap(last, now)
}

// reasonOf says why a value does not open, without the name of what it is of.
func reasonOf(err error) string {
	if missing, is := errors.AsType[*seal.MissingKeyError](err); is {
		return missing.Error()
	}
	if tampered, is := errors.AsType[*seal.TamperedError](err); is {
		return (&seal.TamperedError{
			KeyID: tampered.KeyID, Place: seal.Place{Field: tampered.Place.Field},
		}).Error()
	}
	return "it does not open"
}
