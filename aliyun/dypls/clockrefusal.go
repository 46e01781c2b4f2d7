package dypls

import (
	"strings"
	"time"
)

// ClockRemedy is what mends a call that is refused for its time stamp.
const ClockRemedy = "mend the clock of the worker's machine (NTP): the API refuses what is signed more than 15 minutes off"

// RefusesClock tells whether a code says that a call was signed at another time than it is by the
// API's clock. As each call is signed anew, a wrong clock is the only reason that persists.
func RefusesClock(code string) bool {
	return strings.HasPrefix(code, "InvalidTimeStamp") || code == "IllegalTimestamp"
}

// clockWords say how far this machine's clock is from the API's, as far as that is known.
func clockWords(offset time.Duration) string {
	switch offset = offset.Round(time.Second); {
	case offset > 0:
		return "; this machine's clock is " + offset.String() + " behind the API's: mend it"
	case offset < 0:
		return "; this machine's clock is " + (-offset).String() + " ahead of the API's: mend it"
	}
	return "; compare this machine's clock"
}
