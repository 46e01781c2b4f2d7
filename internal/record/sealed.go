package record

import (
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// What of a record may hold a number, or a link, is sealed where there are keys: the request, the
// result, and what undoes a surplus binding. Scripts hand these on as they are, and never from one
// field to another. The fingerprint is made of keyed hashes then. All else is ids, words and times:
// of undoing, the pool alone.
const (
	requestField = "request"
	resultField  = "result"
)

// seal seals what is to stand in a field of a task's record.
func (s Store) seal(id, account, field string, plain []byte) any {
	if !s.keys.Seals() || len(plain) == 0 {
		return plain
	}
	return s.keys.Seal(seal.Place{Account: account, Key: Key(id), Field: field}, string(plain))
}

// open returns what stands in such a field. Its errors are *[seal.MissingKeyError] and
// *[seal.TamperedError]: also for what is neither sealed nor JSON, where there are keys.
func (s Store) open(id, account, field, stored string) ([]byte, error) {
	at := seal.Place{Account: account, Key: Key(id), Field: field}
	plain, err := s.keys.Open(at, stored)
	if err != nil {
		return nil, err
	}
	if s.keys.On() && plain != "" && !strings.HasPrefix(plain, "{") {
		return nil, &seal.TamperedError{Place: at}
	}
	return []byte(plain), nil
}

// who is the name of somebody as a record keeps it: people write what they like in it.
func (s Store) who(by string) string {
	if !s.keys.On() {
		return by
	}
	return dypls.Scrub(by)
}
