package dypls

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrReceipt is that a body could not be read as receipts, or not to its end. Its text never holds
// what was in the body.
var ErrReceipt = errors.New("receipts cannot be read")

// ParseReceipts reads the body of an HTTP push: a JSON array of records; a single object is taken,
// too. Field names match whatever their case and underscores; values may be strings or numbers;
// times may be epoch milliseconds or Beijing time.
//
// A record that is of no use has its Err set, and the others are returned beside it. Where the body
// itself is broken the records in front of that place are returned together with the error,
// which is an [ErrReceipt].
func ParseReceipts(t ReceiptType, body []byte) ([]Receipt, error) {
	if !t.Known() {
		return nil, fmt.Errorf("%w: there is no such type: see ReceiptTypes", ErrReceipt)
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	decoder := json.NewDecoder(bytes.NewReader(body))
	if kindOf(body) == anArray {
		return readArray(t, decoder)
	}
	var record json.RawMessage
	if err := decoder.Decode(&record); err != nil {
		return nil, errNoJSON
	}
	if kind := kindOf(record); kind != anObject {
		return nil, fmt.Errorf("%w: the body is %s, not an array of objects", ErrReceipt, kind)
	}
	return []Receipt{readReceipt(t, record)}, endOf(decoder)
}

// ParseReceiptMessage reads the body of a queue's message: base64 of a JSON object, or the object
// itself. What [ParseReceipts] says of errors holds here.
func ParseReceiptMessage(t ReceiptType, body []byte) ([]Receipt, error) {
	text := bytes.Join(bytes.Fields(body), nil) // base64 may be folded
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	if n, err := base64.StdEncoding.Decode(decoded, text); err == nil {
		if kind := kindOf(decoded[:n]); kind == anObject || kind == anArray {
			body = decoded[:n]
		}
	}
	return ParseReceipts(t, body)
}

var errNoJSON = fmt.Errorf("%w: the body is no JSON", ErrReceipt)

func readArray(t ReceiptType, decoder *json.Decoder) ([]Receipt, error) {
	if _, err := decoder.Token(); err != nil {
		return nil, errNoJSON
	}
	receipts := []Receipt{}
	for decoder.More() {
		var record json.RawMessage
		if err := decoder.Decode(&record); err != nil {
			return receipts, brokenAfter(receipts)
		}
		receipts = append(receipts, readReceipt(t, record))
	}
	if _, err := decoder.Token(); err != nil {
		return receipts, brokenAfter(receipts)
	}
	return receipts, endOf(decoder)
}

func brokenAfter(receipts []Receipt) error {
	if len(receipts) == 0 {
		return errNoJSON
	}
	return fmt.Errorf("%w: the body stops being JSON behind some of its records", ErrReceipt)
}

// endOf finds what stands behind the value.
func endOf(decoder *json.Decoder) error {
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something stands behind the JSON value", ErrReceipt)
	}
	return nil
}

func readReceipt(t ReceiptType, record json.RawMessage) Receipt {
	r := Receipt{Type: t, Raw: RawReceipt(record)}
	if kind := kindOf(record); kind != anObject {
		r.Err = fmt.Errorf("%w: a record is %s, not an object", ErrReceipt, kind)
		return r
	}
	reader := newReceiptReader(record)
	r.Body = t.newBody()
	r.Body.fields(reader)
	r.Unread = reader.unread
	if r.Body.key() == "" {
		r.Err = fmt.Errorf("%w: a record lacks what tells it from others: call_id, or id, or number and time", ErrReceipt)
	}
	return r
}
