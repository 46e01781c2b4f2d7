package dyplstest

import (
	"errors"
	"time"
)

// Calls says how the calls that [Simulator.PlaceCall] places go on.
type Calls struct {
	// Scale is how long a second of a call, of the wait before a push is repeated and of a late
	// receipt lasts in real time: 0.001 makes minutes into milliseconds. What receipts tell is not
	// scaled: a call of a minute ends a minute after its start there. Default: 1.
	Scale float64
	// OlderForm makes SecretRecording as the pages of 2019 have it: subs_id, and call_time as
	// yyyy-MM-dd HH:mm:ss.
	OlderForm bool
}

func (c Calls) withDefaults() Calls {
	if c.Scale == 0 {
		c.Scale = 1
	}
	return c
}

func (c Calls) validate() error {
	if !(c.Scale > 0 && c.Scale <= 1000) { // NaN, too
		return errors.New(
			"dyplstest: Config.Calls.Scale must be above 0 and at most 1000: write 0.001 for minutes of milliseconds",
		)
	}
	return nil
}

// scaled is the real time that a while of a call takes.
func (c Calls) scaled(d time.Duration) time.Duration { return time.Duration(float64(d) * c.Scale) }
