package record

import (
	"strconv"
	"strings"
	"time"
)

// Step is one thing that happened to a task.
type Step struct {
	At        time.Time // when it was written down, by Redis' clock
	Kind      StepKind
	Attempt   int           // of calls that brought this about; 0 for what is none
	Counts    bool          // whether it used up an attempt
	Took      time.Duration // from when the call was noted
	Code      string
	Class     string // with Resolved: the state that it was settled as
	RequestID string
}

// StepKind is what a step was.
type StepKind string

// The kinds of step.
const (
	StepCall     StepKind = "call"
	StepLook     StepKind = "look"     // for the effect of an earlier call
	StepLate     StepKind = "late"     // the answer to a call of a run that was superseded
	StepCut      StepKind = "cut"      // the worker that called ended without a word
	StepCutLook  StepKind = "cutlook"  // likewise, the worker that looked
	StepResolved StepKind = "resolved" // by a person, or later evidence
	StepReopened StepKind = "reopened" // a task that had failed was let run again
)

// MaxSteps is how many steps a record keeps, the latest ones.
const MaxSteps = 8

// readHistory reads what the scripts note. A step of another shape, of another version, is left
// out.
func readHistory(text string) (steps []Step) {
	for entry := range strings.SplitSeq(text, ";") {
		words := strings.Fields(entry)
		if len(words) < 8 {
			continue
		}
		for i := range words {
			if words[i] == "-" {
				words[i] = ""
			}
		}
		at, _ := strconv.ParseInt(words[0], 10, 64)
		attempt, _ := strconv.Atoi(words[2])
		took, _ := strconv.ParseInt(words[4], 10, 64)
		steps = append(steps, Step{
			At:        fromMillis(at),
			Kind:      StepKind(words[1]),
			Attempt:   attempt,
			Counts:    words[3] == "1",
			Took:      time.Duration(took) * time.Millisecond,
			Code:      words[5],
			Class:     words[6],
			RequestID: words[7],
		})
	}
	return steps
}
