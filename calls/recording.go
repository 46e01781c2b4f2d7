package calls

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// RecordingState is how far the recording of a call is.
type RecordingState string

// The states. Kept and lost are final, unless somebody has a lost one tried again.
const (
	RecordingNone      RecordingState = "none"      // nothing says that there is one
	RecordingExpected  RecordingState = "expected"  // it should be there: see [AskRecordings]
	RecordingAnnounced RecordingState = "announced" // SecretRecording says that it is there
	RecordingFetching  RecordingState = "fetching"  // somebody fetches it, or died while fetching it
	RecordingKept      RecordingState = "kept"      // it is in the store
	RecordingLate      RecordingState = "late"      // it should long be kept, and is still tried
	RecordingLost      RecordingState = "lost"      // the API has it no more, or never had it
)

// RecordingStates returns all of them, in the order of a recording that has a hard time.
func RecordingStates() []RecordingState {
	return []RecordingState{
		RecordingNone, RecordingExpected, RecordingAnnounced, RecordingFetching, RecordingLate,
		RecordingLost, RecordingKept,
	}
}

// MissingRecordings returns the states of recordings that should be kept and are not.
func MissingRecordings() []RecordingState {
	return []RecordingState{
		RecordingExpected, RecordingAnnounced, RecordingFetching, RecordingLate, RecordingLost,
	}
}

// Recording is the recording of a call.
type Recording struct {
	State RecordingState

	// Of one that is kept.
	Location string // where it is, without a secret
	Bytes    int64
	SHA256   string // in hex
	Parts    int    // how many files it is
	KeptAt   time.Time

	// Reason is why one is not kept yet, or lost. It holds no number and no link.
	Reason string
}

// MarshalJSON writes the recording as other programs rely on it.
func (r Recording) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		State    RecordingState `json:"state"`
		Location string         `json:"location,omitempty"`
		Bytes    int64          `json:"bytes,omitempty"`
		SHA256   string         `json:"sha256,omitempty"`
		KeptAt   *string        `json:"kept_at,omitempty"`
		Parts    int            `json:"parts,omitempty"`
		Reason   string         `json:"reason,omitempty"`
	}{r.State, r.Location, r.Bytes, r.SHA256, writeTime(r.KeptAt), r.Parts, r.Reason})
}

// The fields of a call's record that tell of its recording. Receipts do not write them.
const (
	fieldRecordingState    = "recording:state"
	fieldRecordingLocation = "recording:location"
	fieldRecordingBytes    = "recording:bytes"
	fieldRecordingSHA256   = "recording:sha256"
	fieldRecordingParts    = "recording:parts"
	fieldRecordingKeptAt   = "recording:kept_at"
	fieldRecordingReason   = "recording:reason"
)

// recordingOf reads what is known of a call's recording: what came of fetching it, or what the
// receipts say.
func recordingOf(c Call, announced, expected bool, hash map[string]string) Recording {
	r := Recording{
		State:    RecordingState(hash[fieldRecordingState]),
		Location: hash[fieldRecordingLocation],
		SHA256:   hash[fieldRecordingSHA256],
		KeptAt:   instantOf(hash[fieldRecordingKeptAt]),
		Reason:   hash[fieldRecordingReason],
	}
	r.Bytes, _ = strconv.ParseInt(hash[fieldRecordingBytes], 10, 64)
	r.Parts, _ = strconv.Atoi(hash[fieldRecordingParts])
	switch {
	case r.State != "":
	case announced:
		r.State = RecordingAnnounced
	case c.Answered() && (c.RecordURL != "" || expected):
		r.State = RecordingExpected
	default:
		r.State = RecordingNone
	}
	return r
}

// Missing reports whether the recording should be kept and is not.
func (r Recording) Missing() bool { return slices.Contains(MissingRecordings(), r.State) }
