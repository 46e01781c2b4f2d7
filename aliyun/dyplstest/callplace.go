package dyplstest

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// PlacedCall is a call as the simulated service knows it. Its numbers are whole: it is test data.
type PlacedCall struct {
	CallID      string `json:"call_id"` // 16 hex digits
	AccessKeyID string `json:"access_key_id"`
	PoolKey     string `json:"pool_key"`
	// SubsID is empty where X has no binding for who called.
	SubsID string `json:"subs_id,omitzero"`
	OutID  string `json:"out_id,omitzero"`
	// CallType is 0 for a call of A, 1 for one to A, 4 for one that was intercepted.
	CallType  int         `json:"call_type"`
	PhoneNo   dypls.Phone `json:"phone_no,omitzero"` // A
	SecretNo  dypls.Phone `json:"secret_no"`         // X
	PeerNo    dypls.Phone `json:"peer_no"`           // the other side
	Extension string      `json:"extension,omitzero"`
	City      string      `json:"city,omitzero"` // of X

	CallTime    time.Time `json:"call_time"` // it was dialled
	RingTime    time.Time `json:"ring_time"`
	StartTime   time.Time `json:"start_time"` // it was answered; else when it ended
	ReleaseTime time.Time `json:"release_time"`

	Answered     bool `json:"answered"`
	ReleaseDir   int  `json:"release_dir"`
	ReleaseCause int  `json:"release_cause"`
	// UnconnectedCause is 0 for a call that was put through, 2 where there was no binding, 3 where the
	// binding forbids it.
	UnconnectedCause int  `json:"unconnected_cause"`
	Recorded         bool `json:"recorded"`
	// Recordings are the files of its recording, from the call on: the DownloadUrl leads to the first.
	Recordings []RecordingFile `json:"recordings,omitzero"`
	// Transcribed calls have a transcript: those that are answered, on a binding with ASRStatus.
	Transcribed bool `json:"transcribed,omitzero"`
}

// placedCall is a [PlacedCall] and what becomes of it.
type placedCall struct {
	PlacedCall

	id             int64 // of its receipts
	recordingIsUp  bool
	transcriptIsUp bool
}

// calls are the calls that were placed.
type calls struct {
	limit int // negative: none
	list  []*placedCall
	byID  map[string]*placedCall
}

func (c *calls) add(one *placedCall) {
	if c.byID == nil {
		c.byID = map[string]*placedCall{}
	}
	if c.limit > 0 && len(c.list) >= c.limit {
		delete(c.byID, c.list[0].CallID)
		c.list[0], c.list = nil, c.list[1:]
	}
	c.list = append(c.list, one)
	c.byID[one.CallID] = one
}

// PlaceCall places a call on a binding: the service makes its receipts from then on, and its
// recording. The error names the field, the rule and the remedy; it is an
// [ErrNoBinding] where there is no such binding. A caller for whom a known X has none
// is intercepted, and that is no error.
func (s *Simulator) PlaceCall(d Dial) (PlacedCall, error) {
	d = d.withDefaults()
	if err := d.validate(); err != nil {
		return PlacedCall{}, fmt.Errorf("dyplstest: call: %w", err)
	}
	s.mu.Lock()
	now := s.config.Now()
	keyID := cmp.Or(d.AccessKeyID, s.config.AccessKeyID)
	of := s.accounts[keyID]
	if of == nil {
		s.mu.Unlock()
		return PlacedCall{}, errors.New(
			"dyplstest: call: access_key_id must be of a known account: name it in Config.Accounts",
		)
	}
	of.settle(now)
	r, err := of.route(d)
	if err != nil {
		s.mu.Unlock()
		return PlacedCall{}, fmt.Errorf("dyplstest: call: %w", err)
	}
	c := &placedCall{PlacedCall: s.placed(d, r, now)}
	c.AccessKeyID = keyID
	c.id = int64(s.callRandom.Uint64() >> 16)
	c.Recordings = s.config.Recordings.files(c.PlacedCall)
	for _, file := range c.Recordings {
		s.files[file.Name] = file
	}
	s.calls.add(c)
	done := c.PlacedCall
	s.mu.Unlock()
	s.follow(c)
	return done, nil
}

// placed is the call as it will have been.
func (s *Simulator) placed(d Dial, r route, now time.Time) PlacedCall {
	c := PlacedCall{
		CallID:           fmt.Sprintf("%016x", s.callRandom.Uint64()),
		PoolKey:          r.number.pool.Key,
		CallType:         r.callType,
		SecretNo:         r.number.phone,
		PeerNo:           r.peer,
		City:             r.number.city,
		CallTime:         now,
		RingTime:         now,
		StartTime:        now,
		ReleaseTime:      now,
		ReleaseCause:     causeUnspecified,
		UnconnectedCause: r.unconnectedCause,
	}
	if b := r.binding; b != nil {
		c.SubsID, c.OutID, c.PhoneNo, c.Extension = b.SubsID, b.OutID, b.PhoneNoA, b.Extension
	}
	if r.unconnectedCause != causeConnected {
		return c
	}
	c.RingTime = now.Add(d.RingAfter)
	c.StartTime = c.RingTime.Add(d.AnswerAfter)
	c.ReleaseTime = c.StartTime.Add(d.Length)
	c.Answered = !d.Unanswered
	c.ReleaseCause, c.ReleaseDir = d.ReleaseCause, *d.ReleaseDir
	c.Recorded = c.Answered && r.binding.IsRecordingEnabled
	c.Transcribed = c.Answered && r.binding.ASRStatus
	if d.Recorded != nil {
		c.Recorded = c.Answered && *d.Recorded
	}
	return c
}

// Calls returns the calls that were placed, in that order. It keeps the last Config.LedgerLimit.
func (s *Simulator) Calls() []PlacedCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	placed := make([]PlacedCall, len(s.calls.list))
	for i, c := range s.calls.list {
		placed[i] = c.PlacedCall
	}
	return placed
}

// recordingAt is when a call's recording is there.
func (s *Simulator) recordingAt(c *placedCall) time.Time {
	return c.ReleaseTime.Add(s.config.Recordings.ReadyAfter)
}

// transcriptAt is when a call's transcript is there.
func (s *Simulator) transcriptAt(c *placedCall) time.Time {
	return c.ReleaseTime.Add(s.config.Transcripts.ReadyAfter)
}

// follow lets a call go on: its recording appears, and its receipts are sent when they are due.
func (s *Simulator) follow(c *placedCall) {
	if c.Recorded {
		s.later(s.recordingAt(c).Sub(c.CallTime), func() { s.putUp(c) })
	}
	if c.Transcribed {
		s.later(s.transcriptAt(c).Sub(c.CallTime), func() { s.putUpTranscript(c) })
	}
	s.sendReceipts(c)
}

// putUp makes a recording be there.
func (s *Simulator) putUp(c *placedCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.recordingIsUp = true
}

// later runs something after a scaled while, unless the simulator is closed by then.
func (s *Simulator) later(d time.Duration, run func()) {
	time.AfterFunc(s.config.Calls.scaled(d), func() {
		select {
		case <-s.closed:
		default:
			run()
		}
	})
}
