package dyplstest

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// What a [Dial] holds where its field is left empty.
const (
	defaultRing   = 2 * time.Second
	defaultAnswer = 5 * time.Second
	defaultLength = time.Minute
	longestPart   = 24 * time.Hour // of a call
)

// Causes of release, as receipts tell them.
const (
	causeNormal      = 16
	causeNoAnswer    = 19
	causeUnspecified = 31
)

// Dial is a call to place. It names a binding by SubsID, or by SecretNo and Caller.
type Dial struct {
	// AccessKeyID is the account that has the binding. Default: Config's own.
	AccessKeyID string
	// SubsID is a binding that is active.
	SubsID string
	// SecretNo is the X that is dialled. Default: that of SubsID.
	SecretNo dypls.Phone
	// Caller dials. A of the binding reaches B, or Callee; whoever else may, reaches A.
	Caller dypls.Phone
	// Callee is whom A reaches where the binding names nobody: an N or a member of a group.
	Callee dypls.Phone
	// Extension is dialled behind X. Default: that of SubsID.
	Extension string

	// RingAfter is how long after it was dialled it rings. Default: 2 s.
	RingAfter time.Duration
	// AnswerAfter is how long it rings before it is answered, or given up. Default: 5 s.
	AnswerAfter time.Duration
	// Length is how long it lasts, from answer to release. Default: 1 minute.
	Length time.Duration
	// Unanswered calls have no length and no recording.
	Unanswered bool
	// ReleaseCause is why it ended, as in Q.850. Default: 16, unanswered 19.
	ReleaseCause int
	// ReleaseDir is who ended it: 0 the platform, 1 the caller, 2 the called. Default: 1.
	ReleaseDir *int
	// Recorded tells whether there is a recording, if it is answered. Default: what the binding says.
	Recorded *bool
}

func (d Dial) withDefaults() Dial {
	d.RingAfter = cmp.Or(d.RingAfter, defaultRing)
	d.AnswerAfter = cmp.Or(d.AnswerAfter, defaultAnswer)
	d.Length = cmp.Or(d.Length, defaultLength)
	cause := causeNormal
	if d.Unanswered {
		d.Length, cause = 0, causeNoAnswer
	}
	d.ReleaseCause = cmp.Or(d.ReleaseCause, cause)
	if d.ReleaseDir == nil {
		d.ReleaseDir = new(1)
	}
	return d
}

func (d Dial) validate() error {
	switch {
	case d.SubsID == "" && d.SecretNo == "":
		return errors.New("subs_id is missing, and secret_no, too: name a binding by one of them")
	case !isDialable(string(d.Caller)):
		return errors.New("caller must be 3-20 digits: name who dials")
	case d.SecretNo != "" && !isDialable(string(d.SecretNo)):
		return errors.New("secret_no must be 3-20 digits: write digits only")
	case d.Callee != "" && !isDialable(string(d.Callee)):
		return errors.New("callee must be 3-20 digits: write digits only")
	case *d.ReleaseDir < 0 || *d.ReleaseDir > 2:
		return errors.New("release_dir must be 0, 1 or 2: the platform, the caller or the called")
	case d.ReleaseCause < 0 || d.ReleaseCause > 127:
		return errors.New("release_cause must be from 1 to 127: leave it out for 16, a normal end")
	}
	for _, part := range []struct {
		name   string
		length time.Duration
	}{
		{"ring", d.RingAfter}, {"answer", d.AnswerAfter}, {"length", d.Length},
	} {
		if part.length < 0 || part.length > longestPart {
			return fmt.Errorf("%s must be from 0 to 24 hours: leave it out for the usual", part.name)
		}
	}
	return nil
}
