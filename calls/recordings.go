package calls

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed lua/recordingwant.lua
	recordingWantLua string
	//go:embed lua/recordingtake.lua
	recordingTakeLua string
	//go:embed lua/recordingplace.lua
	recordingPlaceLua string
	//go:embed lua/recordingretry.lua
	recordingRetryLua string

	recordingWantScript  = redis.NewScript(recordingWantLua)
	recordingTakeScript  = redis.NewScript(recordingTakeLua)
	recordingPlaceScript = redis.NewScript(recordingPlaceLua)
	recordingRetryScript = redis.NewScript(recordingRetryLua)
)

// Errors of [Store.RetryRecording].
var (
	ErrRecordingKept = errors.New("the recording is kept")
	ErrRecordingBusy = errors.New("the recording is being fetched")
)

// indexKeys are the indexes of recordings, all in one slot.
func indexKeys() []string { return []string{dueKey, triedKey, missingKey} }

// want notes that a receipt tells of a recording, unless that is kept or lost. Who dies before it
// has noted it merges the receipt again.
//
// The recording may be kept between the merge and the note: its record is read once more after the
// note. Who dies in between finds it kept when it merges the receipt again.
func (s *Store) want(ctx context.Context, f facts, known knownRecording, at time.Time) error {
	due := at
	switch ended, linked := f.ended(); {
	case f.value(factAnnounced) != "":
	case linked, known.expected && f.talked() > 0:
		due = ended.Add(s.after)
	default:
		return nil
	}
	if dialled := f.at(); !dialled.IsZero() {
		at = dialled
	}
	if known.state != RecordingKept && known.state != RecordingLost {
		if err := s.wantAt(ctx, f.call, millis(due), at); err != nil {
			return err
		}
		state, err := s.redis.HGet(ctx, callKey(f.call), fieldRecordingState).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return fmt.Errorf("read a recording's state: %w", err)
		}
		known.state = RecordingState(state)
	}
	if known.state != RecordingKept {
		return nil
	}
	if err := s.place(ctx, f.call, string(RecordingKept), "", time.Time{}); err != nil {
		return fmt.Errorf("note that a recording is kept: %w", err)
	}
	return nil
}

// atOnce is when a recording is wanted by Redis' clock.
const atOnce = ""

func (s *Store) wantAt(ctx context.Context, id, due string, dialled time.Time) error {
	err := recordingWantScript.
		Run(ctx, s.redis, indexKeys(), id, due, dialled.UnixMilli()).Err()
	if err != nil {
		return fmt.Errorf("note that a recording is wanted: %w", err)
	}
	return nil
}

// ended is when the call ended, where this is the receipt of its end; linked is whether that has a
// link to what two people said.
func (f *facts) ended() (at time.Time, linked bool) {
	at = instantOf(f.value(factReleaseTime))
	return at, f.value(factRecordURL) != "" && f.talked() > 0
}

// RecordingsDue are recordings that [Store.TakeRecordings] took.
type RecordingsDue struct {
	CallIDs []string
	// score is what they have in the index until somebody else takes them.
	score string
}

// TakeRecordings takes recordings that are due, n at most. What is taken is offered to others again
// after a lease: each is then [Store.ClaimRecording]'s.
//
// Errors: [tasks.ErrUnreachable], [tasks.ErrRefused], and ctx's.
func (s *Store) TakeRecordings(
	ctx context.Context,
	n int,
	lease time.Duration,
) (RecordingsDue, error) {
	const head = 2
	reply, err := atLeast(head, recordingTakeScript.Run(
		ctx, s.redis, []string{dueKey}, n, lease.Milliseconds(),
	))
	if err != nil {
		return RecordingsDue{}, failure(ctx, err)
	}
	return RecordingsDue{CallIDs: reply[head:], score: reply[1]}, nil
}

// place puts a recording where it belongs among the indexes.
func (s *Store) place(ctx context.Context, id, where, score string, due time.Time) error {
	return recordingPlaceScript.Run(ctx, s.redis, indexKeys(), id, where, score, due.UnixMilli()).Err()
}

// RetryRecording has the recording of a call fetched at once by a new link: one that is late, or
// lost.
//
// Errors: [ErrUnknownCall], [ErrRecordingKept], [ErrRecordingBusy], [tasks.ErrUnreachable],
// [tasks.ErrRefused], and ctx's.
func (s *Store) RetryRecording(ctx context.Context, id string) error {
	c, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	said, err := recordingRetryScript.Run(ctx, s.redis, []string{callKey(id)}).Text()
	switch {
	case err != nil:
		return failure(ctx, err)
	case said == "none":
		return ErrUnknownCall
	case said == string(RecordingKept):
		return ErrRecordingKept
	case said == "busy":
		return ErrRecordingBusy
	}
	if err = s.wantAt(ctx, id, atOnce, c.dialled()); err != nil {
		return failure(ctx, err)
	}
	return nil
}

// dialled is when the call was dialled, or now.
func (c Call) dialled() time.Time {
	if c.CallTime.IsZero() {
		return time.Now()
	}
	return c.CallTime
}

// RecordingsMissing is what is not kept.
type RecordingsMissing struct {
	Tried int64 // those that are not given up
	Lost  int64
	// Oldest is when the oldest call was dialled whose recording is still tried; zero without any.
	Oldest time.Time
}

// MissingRecordings counts the recordings that are not kept.
func (s *Store) MissingRecordings(ctx context.Context) (m RecordingsMissing, err error) {
	var tried, missing *redis.IntCmd
	var oldest *redis.ZSliceCmd
	_, err = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		tried, missing = p.ZCard(ctx, triedKey), p.ZCard(ctx, missingKey)
		oldest = p.ZRangeWithScores(ctx, triedKey, 0, 0)
		return nil
	})
	if err != nil {
		return m, fmt.Errorf("count recordings: %w", failure(ctx, err))
	}
	m.Tried, m.Lost = tried.Val(), max(missing.Val()-tried.Val(), 0)
	for _, z := range oldest.Val() {
		m.Oldest = time.UnixMilli(int64(z.Score)).UTC()
	}
	return m, nil
}

func milliseconds(text string) time.Time {
	ms, _ := strconv.ParseFloat(text, 64)
	return time.UnixMilli(int64(ms)).UTC()
}
