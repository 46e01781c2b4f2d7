package dypls

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// ReceiptType names a kind of receipt (消息回执): what the platform tells of calls, recordings,
// messages and numbers. A body does not say of which type it is: each type is sent to an address,
// or put into a queue, of its own.
type ReceiptType string

// The types, by the API's names.
//
//nolint:gosec // G101: names of receipts, no secrets
const (
	TypeSecretStartReport          ReceiptType = "SecretStartReport"          // a call was dialled
	TypeSecretRingReport           ReceiptType = "SecretRingReport"           // it rings: few carriers
	TypeSecretPickUpReport         ReceiptType = "SecretPickUpReport"         // answered: few carriers
	TypeSecretReport               ReceiptType = "SecretReport"               // it has ended
	TypeSecretRecording            ReceiptType = "SecretRecording"            // its recording
	TypeSecretAsrReport            ReceiptType = "SecretAsrReport"            // its transcript
	TypeSecretExceptionPhoneReport ReceiptType = "SecretExceptionPhoneReport" // an X fails, or works
	TypeNumberManagementReport     ReceiptType = "NumberManagementReport"     // an X came or went
	TypeSecretSmsIntercept         ReceiptType = "SecretSmsIntercept"         // a text was held up
)

// receiptBodies makes an empty body of each type, in the order of a call.
var receiptBodies = []struct {
	name ReceiptType
	make func() ReceiptBody
}{
	{TypeSecretStartReport, func() ReceiptBody { return new(SecretStartReport) }},
	{TypeSecretRingReport, func() ReceiptBody { return new(SecretRingReport) }},
	{TypeSecretPickUpReport, func() ReceiptBody { return new(SecretPickUpReport) }},
	{TypeSecretReport, func() ReceiptBody { return new(SecretReport) }},
	{TypeSecretRecording, func() ReceiptBody { return new(SecretRecording) }},
	{TypeSecretAsrReport, func() ReceiptBody { return new(SecretAsrReport) }},
	{TypeSecretExceptionPhoneReport, func() ReceiptBody { return new(SecretExceptionPhoneReport) }},
	{TypeNumberManagementReport, func() ReceiptBody { return new(NumberManagementReport) }},
	{TypeSecretSmsIntercept, func() ReceiptBody { return new(SecretSmsIntercept) }},
}

// ReceiptTypes returns every type, those of a call first and in its order.
func ReceiptTypes() []ReceiptType {
	types := make([]ReceiptType, len(receiptBodies))
	for i := range receiptBodies {
		types[i] = receiptBodies[i].name
	}
	return types
}

// Known reports whether it is one of [ReceiptTypes].
func (t ReceiptType) Known() bool { return t.newBody() != nil }

//nolint:ireturn // one of the nine
func (t ReceiptType) newBody() ReceiptBody {
	for i := range receiptBodies {
		if receiptBodies[i].name == t {
			return receiptBodies[i].make()
		}
	}
	return nil
}

// Receipt is one record that the platform sent.
type Receipt struct {
	Type ReceiptType
	// Body is a pointer to the struct that has the type's name. It is nil where the record is no JSON
	// object.
	Body ReceiptBody
	// Raw is the record as it came: unknown fields are there, too.
	Raw RawReceipt
	// Unread names the fields whose values could not be read; Body has nothing in them.
	Unread []string
	// Err says why the record is of no use, never what is in it; nil where it is.
	Err error
}

// ReceiptBody is what a receipt says: a pointer to one of this package's structs of that name.
// It prints masked.
type ReceiptBody interface {
	fmt.Formatter
	fmt.Stringer
	slog.LogValuer
	// fields visits every field under the API's name, and others by which it is known.
	fields(v receiptFields)
	// key tells the receipt from others of its type; "" where it does not say.
	key() string
}

// Key is the same for each delivery of the same receipt, whichever way it comes, and another for
// each other receipt: the type, and the call, the platform's id of the record, or number and time.
// A telephone number is in it as a hash that is cut short. It is "" where Err is set.
func (r Receipt) Key() string {
	if r.Err != nil || r.Body == nil {
		return ""
	}
	return string(r.Type) + ":" + r.Body.key()
}

// Format implements [fmt.Formatter]: every verb prints numbers, texts and links masked.
func (r Receipt) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, r.String()) }

// String returns type and fields, masked.
func (r Receipt) String() string {
	parts := []string{string(r.Type)}
	if r.Body != nil {
		parts = append(parts, r.Body.String())
	}
	if r.Err != nil {
		parts = append(parts, "("+r.Err.Error()+")")
	}
	return strings.Join(parts, " ")
}

// LogValue implements [slog.LogValuer]: numbers, texts and links are masked.
func (r Receipt) LogValue() slog.Value { return slog.StringValue(r.String()) }
