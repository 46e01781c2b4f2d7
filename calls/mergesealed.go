package calls

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

var (
	//go:embed lua/mergesealed.lua
	mergeSealedLua string

	mergeSealedScript = redis.NewScript(mergeSealedLua)
)

var errOvertaken = errors.New("others change the call all the time")

// mergeSealed is merge with keys. What is sealed cannot be compared by a script: it is compared
// here, and written where nobody else has changed the call meanwhile.
func (s *Store) mergeSealed(
	ctx context.Context,
	f facts,
	r dypls.Receipt,
) (isNew bool, known knownRecording, err error) {
	const tries = 50 // as many receipts of a call are merged at once as it has
	for range tries {
		var done bool
		if isNew, known, done, err = s.mergeOnce(ctx, f, r); done || err != nil {
			return isNew, known, err
		}
	}
	return false, known, fmt.Errorf("merge a receipt: %w", errOvertaken)
}

func (s *Store) mergeOnce(
	ctx context.Context,
	f facts,
	r dypls.Receipt,
) (isNew bool, known knownRecording, done bool, err error) {
	receipt := prefixReceipt + r.Key()
	always := []string{fieldRevision, fieldTold, fieldRecordingState, factExpected, receipt}
	names := append(make([]string, 0, len(always)+len(f.list)), always...)
	for _, fact := range f.list {
		names = append(names, fact.name)
	}
	values, err := s.redis.HMGet(ctx, callKey(f.call), names...).Result()
	if err != nil {
		return false, known, false, fmt.Errorf("read a call: %w", err)
	}
	old := make(map[string]string, len(names))
	for i, name := range names {
		if stored, is := values[i].(string); is {
			if old[name], err = s.openFact(f.call, name, stored); err != nil {
				return false, known, false, err
			}
		}
	}
	_, has := old[receipt]
	isNew = !has
	writes := s.newer(f, old)
	// Each way in has a dialect of its own: of both the longer JSON is kept.
	if raw := string(r.Raw); isNew || len(raw) > len(old[receipt]) ||
		len(raw) == len(old[receipt]) && raw > old[receipt] {
		writes = append(writes, receipt, s.sealFact(f.call, receipt, raw))
	}
	number := func(text string) int64 {
		n, _ := strconv.ParseInt(text, 10, 64)
		return n
	}
	if writes == nil {
		known = knownRecording{RecordingState(old[fieldRecordingState]), isExpected(old[factExpected])}
		return isNew, known, true, s.tell(ctx, f.call, number(old[fieldRevision]), number(old[fieldTold]))
	}
	args := append([]any{s.keep.Milliseconds(), old[fieldRevision]}, writes...)
	reply, err := mergeSealedScript.Run(ctx, s.redis, []string{callKey(f.call)}, args...).Slice()
	const replies = 5
	if err == nil && len(reply) != replies {
		err = errOddReply
	}
	if err != nil {
		return false, known, false, fmt.Errorf("merge a receipt: %w", err)
	}
	written, _ := reply[0].(int64)
	revision, _ := reply[1].(int64)
	told, _ := reply[2].(int64)
	state, _ := reply[3].(string)
	expected, _ := reply[4].(string)
	if written == 0 {
		return false, known, false, nil
	}
	known = knownRecording{RecordingState(state), isExpected(expected)}
	return isNew, known, true, s.tell(ctx, f.call, revision, told)
}

// newer are the fields of facts that weigh more than what a call has, and their values. Of equal
// ranks the greater value stays.
func (s *Store) newer(f facts, old map[string]string) (writes []any) {
	for _, fact := range f.list {
		rank := f.rank
		if fact.guessed {
			rank = rankGuess
		}
		value := strconv.Itoa(rank) + ":" + fact.value
		has, is := old[fact.name]
		hasRank, hasValue, _ := strings.Cut(has, ":")
		if n, err := strconv.Atoi(hasRank); is && err == nil &&
			(rank < n || rank == n && fact.value <= hasValue) {
			continue
		}
		writes = append(writes, fact.name, s.sealFact(f.call, fact.name, value))
	}
	return writes
}
