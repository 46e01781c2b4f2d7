package calls

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// AskRecordings says of which calls the recording is asked for that no SecretRecording announced.
type AskRecordings string

// The values, from few calls to many. Each takes in the calls of those before it.
const (
	// AskAnnounced asks for what SecretRecording, or a link in the receipt of
	// the call's end, tells of.
	AskAnnounced AskRecordings = "announced"
	// AskRecorded also asks for answered calls whose binding was asked to record, and for those of
	// which that is not known: no task of this Redis made their binding, or its outcome is not kept
	// any more. It is the default.
	AskRecorded AskRecordings = "recorded"
	// AskAnswered asks for every answered call, for pools that record whatever a bind says.
	AskAnswered AskRecordings = "answered"
)

// AskRecordingsValues returns all of them.
func AskRecordingsValues() []AskRecordings {
	return []AskRecordings{AskAnnounced, AskRecorded, AskAnswered}
}

func (a AskRecordings) check() []dypls.Problem {
	if slices.Contains(AskRecordingsValues(), a) {
		return nil
	}
	return []dypls.Problem{{
		Field: "AskRecordings", Rule: "must be announced, recorded or answered",
		Remedy: "leave it out for recorded",
	}}
}

// expectation is what an answered call leads one to expect of its recording, as its record has it.
type expectation string

// The expectations. A guess has a rank below all that is known, whichever is noted first.
const (
	expectNone  expectation = "no"      // its binding does not record, or the API had none
	expectGuess expectation = "guessed" // nobody knows whether its binding records
	expectAsked expectation = "asked"   // its binding was asked to record
)

// isExpected reads the fact, behind its rank.
func isExpected(ranked string) bool {
	_, value, _ := strings.Cut(ranked, ":")
	return value == string(expectAsked) || value == string(expectGuess)
}

// mayBeTooShort is how long a call may last of which there may be no recording although its binding
// records.
const mayBeTooShort = 3 * time.Second

// expect adds what the receipt of an answered call's end leads one to expect.
func (s *Store) expect(ctx context.Context, f *facts) error {
	length := f.talked()
	if s.ask == AskAnnounced || length <= 0 {
		return nil
	}
	what := expectAsked
	if s.ask == AskRecorded {
		var err error
		if what, err = s.bindingRecords(ctx, f.value(factOutID)); err != nil {
			return err
		}
	}
	if what == expectAsked && length <= mayBeTooShort {
		what = expectGuess
	}
	f.list = append(
		f.list, fact{name: factExpected, value: string(what), guessed: what == expectGuess},
	)
	return nil
}

// bindingRecords reads from the record of the task that an OutId names whether its bind asked for
// recordings.
func (s *Store) bindingRecords(ctx context.Context, task string) (expectation, error) {
	if task == "" {
		return expectGuess, nil
	}
	of, err := record.NewStore(s.redis).WithKeys(s.keys).Requested(ctx, task)
	isRecorded := dypls.Parameter{Name: "IsRecordingEnabled", Value: "true"}
	switch {
	case err != nil:
		return "", fmt.Errorf("read the bind of a call: %w", err)
	case !strings.HasPrefix(of.Action, "Bind"), !of.Fingerprint.Readable(s.keys):
		return expectGuess, nil
	case of.Fingerprint.Holds(s.keys, task, isRecorded):
		return expectAsked, nil
	}
	return expectNone, nil
}

// talked is how long the two talked, where this is the receipt of the call's end.
func (f *facts) talked() time.Duration {
	start, end := instantOf(f.value(factStartTime)), instantOf(f.value(factReleaseTime))
	if start.IsZero() || end.IsZero() {
		return 0
	}
	return end.Sub(start)
}
