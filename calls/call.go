package calls

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Call is what all receipts of a call say together. Times are in UTC; what no receipt said is zero.
//
// Every formatting verb, log/slog and JSON print its numbers masked and its links cut; the fields
// have them whole.
type Call struct {
	ID         string
	Account    string // whose numbers they are; "" for the default account
	PoolKey    string
	PartnerKey string
	TaskID     string // the binding's OutId: the task's id unless the request had its own
	SubsID     string

	PhoneNo, SecretNo, PeerNo, Extension dypls.Phone // A, X, the other side
	City                                 string      // of X

	CallType         *int // see [dypls.CallByA]
	CallTime         time.Time
	RingTime         time.Time
	StartTime        time.Time // it was answered
	ReleasedAt       time.Time
	Ended            bool // the receipt of its end is there
	HungUpBy         dypls.Side
	ReleaseCause     *int // see [dypls.ReleaseText]
	UnconnectedCause *int // see [dypls.UnconnectedText]
	ControlMsg       string

	Recording     Recording
	RecordURL     dypls.SignedURL // works for 7 to 30 days
	RingRecordURL dypls.SignedURL
	// Transcript is the status of the call's transcript: 21050000 where there is one.
	Transcript string

	// TraceParent is the span in which its binding was enqueued, or that of its first receipt, as
	// W3C's Trace Context writes it; "" where nothing was traced.
	TraceParent string

	// Receipts are those that came, each once, in the order of a call.
	Receipts []dypls.ReceiptType
	// Raw are the receipts as they came, by [dypls.Receipt.Key].
	Raw map[string]dypls.RawReceipt
	// Undecryptable is why some of this does not open, which is zero then: a key is missing, or a
	// value was changed. It is nil where all does.
	Undecryptable error
	// Revision counts the receipts that changed something.
	Revision int64
}

// Duration is how long the two talked; 0 where nobody answered, and until the call has ended.
func (c Call) Duration() time.Duration {
	if c.StartTime.IsZero() || c.ReleasedAt.IsZero() {
		return 0
	}
	return max(c.ReleasedAt.Sub(c.StartTime), 0)
}

// Answered reports whether the two talked, or talk.
func (c Call) Answered() bool {
	if c.Ended {
		return c.Duration() > 0
	}
	return slices.Contains(c.Receipts, dypls.TypeSecretPickUpReport)
}

// callJSON is a contract: other programs read it.
type callJSON struct {
	CallID           string              `json:"call_id"`
	Account          string              `json:"account,omitempty"`
	PoolKey          string              `json:"pool_key"`
	TaskID           string              `json:"task_id"`
	SubsID           string              `json:"subs_id"`
	PhoneNo          string              `json:"phone_no,omitempty"`
	SecretNo         string              `json:"secret_no,omitempty"`
	PeerNo           string              `json:"peer_no,omitempty"`
	CallType         *int                `json:"call_type"`
	CallTime         *string             `json:"call_time"`
	AnsweredAt       *string             `json:"answered_at,omitempty"`
	ReleasedAt       *string             `json:"released_at"`
	Duration         float64             `json:"duration_s"`
	Answered         bool                `json:"answered"`
	HungUpBy         dypls.Side          `json:"hung_up_by,omitempty"`
	ReleaseCause     *int                `json:"release_cause"`
	ReleaseText      string              `json:"release_text,omitempty"`
	UnconnectedCause *int                `json:"unconnected_cause"`
	UnconnectedText  string              `json:"unconnected_text,omitempty"`
	Recording        Recording           `json:"recording"`
	Receipts         []dypls.ReceiptType `json:"receipts"`
	Undecryptable    string              `json:"undecryptable,omitempty"`
}

// MarshalJSON writes the call for people and other programs, with numbers masked and no link.
func (c Call) MarshalJSON() ([]byte, error) {
	j := callJSON{
		CallID:           c.ShownID(),
		Account:          c.Account,
		PoolKey:          c.PoolKey,
		TaskID:           c.ShownTaskID(),
		SubsID:           c.SubsID,
		PhoneNo:          c.PhoneNo.Masked(),
		SecretNo:         c.SecretNo.Masked(),
		PeerNo:           c.PeerNo.Masked(),
		CallType:         c.CallType,
		CallTime:         writeTime(c.CallTime),
		ReleasedAt:       writeTime(c.ReleasedAt),
		Duration:         c.Duration().Seconds(),
		Answered:         c.Answered(),
		HungUpBy:         c.HungUpBy,
		ReleaseCause:     c.ReleaseCause,
		ReleaseText:      dypls.ReleaseText(c.ReleaseCause),
		UnconnectedCause: c.UnconnectedCause,
		UnconnectedText:  dypls.UnconnectedText(c.UnconnectedCause),
		Recording:        c.Recording,
		Receipts:         c.Receipts,
	}
	j.Undecryptable = c.WhyUndecryptable()
	if j.Answered {
		j.AnsweredAt = writeTime(c.StartTime)
	}
	return json.Marshal(j)
}

// WhyUndecryptable says why some of the call does not open, in words that name neither it nor a
// number; "" where all does.
func (c Call) WhyUndecryptable() string {
	if c.Undecryptable == nil {
		return ""
	}
	return reasonOf(c.Undecryptable)
}

// hide masks the call's own numbers, and mobile numbers, in what others wrote.
func (c Call) hide(text string) string {
	return dypls.Parameter{Value: c.hideOwn(text)}.Masked()
}

func (c Call) hideOwn(text string) string {
	const tooShort = 5 // to be somebody's number
	for _, number := range []dypls.Phone{c.PhoneNo, c.SecretNo, c.PeerNo} {
		if len(number) >= tooShort {
			text = strings.ReplaceAll(text, string(number), number.Masked())
		}
	}
	return text
}

// randomID is the form that the platform's ids of calls have today. What looks like somebody's
// number in one is chance.
var randomID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// ShownID is the id of the call as people may see it: whole, unless it holds a number of the call,
// or what can only be somebody's.
func (c Call) ShownID() string {
	if id := c.hideOwn(c.ID); randomID.MatchString(id) && strings.ContainsAny(id, "abcdef") {
		return id
	}
	return c.hide(c.ID)
}

// ShownTaskID is the OutId of the binding as people may see it: without the numbers of the call,
// and without mobile numbers.
func (c Call) ShownTaskID() string { return c.hide(c.TaskID) }

func writeTime(at time.Time) *string {
	if at.IsZero() {
		return nil
	}
	return new(at.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// Format implements [fmt.Formatter]: every verb prints the call's JSON, masked.
func (c Call) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, c.String()) }

// String returns the call's JSON, masked.
func (c Call) String() string {
	text, err := c.MarshalJSON()
	if err != nil {
		return c.ID
	}
	return string(text)
}

// LogValue implements [slog.LogValuer].
func (c Call) LogValue() slog.Value { return slog.StringValue(c.String()) }

// callOf reads a record. It returns false for one that is not there.
func (s *Store) callOf(id string, hash map[string]string) (Call, bool) {
	if len(hash) == 0 {
		return Call{}, false
	}
	undecryptable := s.openAll(id, hash)
	text := func(name string) string {
		_, value, _ := strings.Cut(hash[name], ":") // its rank stands in front
		return value
	}
	integer := func(name string) *int {
		n, err := strconv.Atoi(text(name))
		if err != nil {
			return nil
		}
		return &n
	}
	instant := func(name string) time.Time { return instantOf(text(name)) }
	c := Call{
		ID:         id,
		Account:    text(factAccount),
		PoolKey:    text(factPool),
		PartnerKey: text(factPartner),
		TaskID:     text(factOutID),
		SubsID:     text(factBinding),
		PhoneNo:    dypls.Phone(text(factPhoneNo)),
		SecretNo:   dypls.Phone(text(factSecretNo)),
		PeerNo:     dypls.Phone(text(factPeerNo)),
		Extension:  dypls.Phone(text(factExtension)),
		City:       text(factCity),

		CallType:         integer(factCallType),
		CallTime:         instant(factCallTime),
		RingTime:         instant(factRingTime),
		StartTime:        instant(factStartTime),
		ReleasedAt:       instant(factReleaseTime),
		Ended:            text(factEnded) != "",
		HungUpBy:         dypls.SecretReport{ReleaseDir: integer(factReleaseDir)}.HungUpBy(),
		ReleaseCause:     integer(factReleaseCause),
		UnconnectedCause: integer(factUnconnected),
		ControlMsg:       text(factControlMsg),

		RecordURL:     dypls.SignedURL(text(factRecordURL)),
		RingRecordURL: dypls.SignedURL(text(factRingRecordURL)),
		Transcript:    text(factTranscriptCode),
		TraceParent:   text(factOrigin),
		Raw:           map[string]dypls.RawReceipt{},
		Undecryptable: undecryptable,
	}
	var came []string
	c.Revision, _ = strconv.ParseInt(hash[fieldRevision], 10, 64)
	for name, value := range hash {
		key, is := strings.CutPrefix(name, prefixReceipt)
		if !is {
			continue
		}
		came = append(came, key)
		if value != "" {
			c.Raw[key] = dypls.RawReceipt(value)
		}
	}
	for _, t := range dypls.ReceiptTypes() {
		for _, key := range came {
			if strings.HasPrefix(key, string(t)+":") && !slices.Contains(c.Receipts, t) {
				c.Receipts = append(c.Receipts, t)
			}
		}
	}
	c.Recording = recordingOf(c, text(factAnnounced) != "", isExpected(hash[factExpected]), hash)
	return c, true
}
