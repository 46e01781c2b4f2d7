package calls

import (
	"cmp"
	"errors"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// The names of facts in the record of a call.
const (
	factAccount        = "account"
	factPool           = "pool_key"
	factPartner        = "partner_key"
	factBinding        = "subs_id"
	factOutID          = "out_id"
	factPhoneNo        = "phone_no"
	factSecretNo       = "secret_no"
	factPeerNo         = "peer_no"
	factDisplayNo      = "called_display_no"
	factExtension      = "extension"
	factCallType       = "call_type"
	factCity           = "city"
	factControlType    = "control_type"
	factControlMsg     = "control_msg"
	factUnconnected    = "unconnected_cause"
	factCallTime       = "call_time"
	factCallOutTime    = "call_out_time"
	factRingTime       = "ring_time"
	factStartTime      = "start_time"
	factReleaseTime    = "release_time"
	factReleaseDir     = "release_dir"
	factReleaseCause   = "release_cause"
	factEnded          = "ended"
	factRecordURL      = "record_url"
	factRingRecordURL  = "ring_record_url"
	factAnnounced      = "recording_announced"
	factExpected       = "recording_expected"
	factTranscriptCode = "transcript_code"
	factOrigin         = "traceparent"
	prefixReceipt      = "receipt:"
	fieldRevision      = "revision"
	fieldTold          = "told"
	mostCallID         = 128
)

// What a receipt says weighs: the report at a call's end knows it all, others knew less when they
// were written.
const (
	rankTranscript = iota
	rankRecording
	rankStart
	rankRing
	rankPickUp
	rankReport
)

// rankGuess is that of what no receipt says.
const rankGuess = rankTranscript

type fact struct {
	name, value string
	guessed     bool // weighs less than what any receipt says
}

// facts are what a receipt says of a call.
type facts struct {
	call string
	rank int
	list []fact
}

func (f *facts) text(name, value string) {
	if value != "" {
		f.list = append(f.list, fact{name: name, value: value})
	}
}

func (f *facts) integer(name string, value *int) {
	if value != nil {
		f.text(name, strconv.Itoa(*value))
	}
}

// instant writes milliseconds, all with as many digits, of which the later is the greater text.
func (f *facts) instant(name string, at dypls.Time) {
	if !at.IsZero() {
		f.text(name, strconv.FormatInt(at.UnixMilli(), 10))
	}
}

func (f *facts) value(name string) string {
	for _, fact := range f.list {
		if fact.name == name {
			return fact.value
		}
	}
	return ""
}

// at is when the call was dialled, if the receipt says so.
func (f *facts) at() time.Time { return instantOf(f.value(factCallTime)) }

func instantOf(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// errCallID refuses what is no id of a call: the API's have 100 characters at most.
var errCallID = errors.New("its call_id is missing, or longer than 128 characters")

// factsOf returns what a receipt says of its call; false for one of no call.
func factsOf(r dypls.Receipt) (f facts, ofCall bool, err error) {
	switch body := r.Body.(type) {
	case *dypls.SecretStartReport:
		f.rank = rankStart
		f.common(body.CallReceipt)
	case *dypls.SecretRingReport:
		f.rank = rankRing
		f.common(body.CallReceipt)
		f.instant(factRingTime, body.RingTime)
	case *dypls.SecretPickUpReport:
		f.rank = rankPickUp
		f.common(body.CallReceipt)
		f.instant(factRingTime, body.RingTime)
		f.instant(factStartTime, body.StartTime)
	case *dypls.SecretReport:
		f.rank = rankReport
		f.report(*body)
	case *dypls.SecretRecording:
		f.rank = rankRecording
		f.call = body.CallID
		f.text(factPool, body.PoolKey)
		f.text(factPartner, body.PartnerKey)
		f.text(factBinding, body.SubsID)
		f.text(factOutID, body.OutID)
		f.instant(factCallTime, body.CallTime)
		f.text(factAnnounced, "1")
	case *dypls.SecretAsrReport:
		f.rank = rankTranscript
		f.call = body.CallID
		f.text(factPartner, body.PartnerKey)
		f.text(factSecretNo, string(body.SecretNo))
		f.text(factTranscriptCode, cmp.Or(body.StatusCode, "none"))
	default:
		return facts{}, false, nil
	}
	if f.call == "" || len(f.call) > mostCallID {
		return facts{}, true, errCallID
	}
	return f, true, nil
}

func (f *facts) common(r dypls.CallReceipt) {
	f.call = r.CallID
	f.text(factPool, r.PoolKey)
	f.text(factPartner, r.PartnerKey)
	f.text(factBinding, r.SubsID)
	f.text(factOutID, r.OutID)
	f.text(factPhoneNo, string(r.PhoneNo))
	f.text(factSecretNo, string(r.SecretNo))
	f.text(factPeerNo, string(r.PeerNo))
	f.text(factDisplayNo, string(r.CalledDisplayNo))
	f.text(factExtension, string(r.Extension))
	f.integer(factCallType, r.CallType)
	f.instant(factCallTime, r.CallTime)
	f.text(factCity, r.City)
	f.text(factControlType, r.ControlType)
	f.text(factControlMsg, r.ControlMsg)
	f.integer(factUnconnected, r.UnconnectedCause)
}

func (f *facts) report(r dypls.SecretReport) {
	f.common(r.CallReceipt)
	f.text(factEnded, "1")
	f.instant(factCallOutTime, r.CallOutTime)
	f.instant(factRingTime, r.RingTime)
	f.instant(factStartTime, r.StartTime)
	f.instant(factReleaseTime, r.ReleaseTime)
	f.integer(factReleaseDir, r.ReleaseDir)
	f.integer(factReleaseCause, r.ReleaseCause)
	f.text(factRecordURL, string(r.RecordURL))
	f.text(factRingRecordURL, string(r.RingRecordURL))
}
