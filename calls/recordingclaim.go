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
	//go:embed lua/recordingclaim.lua
	recordingClaimLua string
	//go:embed lua/recordingrenew.lua
	recordingRenewLua string
	//go:embed lua/recordingsettle.lua
	recordingSettleLua string

	recordingClaimScript  = redis.NewScript(recordingClaimLua)
	recordingRenewScript  = redis.NewScript(recordingRenewLua)
	recordingSettleScript = redis.NewScript(recordingSettleLua)
)

// ErrSuperseded is that another process has the recording now.
var ErrSuperseded = errors.New("another process fetches this recording")

// RecordingClaim is the right to fetch the recording of a call, as long as it is renewed. One
// goroutine at a time may use it.
type RecordingClaim struct {
	// Call is what is known of the call.
	Call Call
	// Link counts the links that were asked for: the one to use is that of this number.
	Link int
	// Tries counts those that failed.
	Tries int
	// Guessed is that nothing promises a recording: see [AskRecordings].
	Guessed bool
	// Now is the time of Redis when it was claimed.
	Now time.Time

	store        *Store
	lease        time.Duration
	fence, score string
}

// ClaimRecording claims one of the recordings that were taken. It returns nil where there is
// nothing to do: somebody has it, or did it, or its time has not come.
//
// Errors: [tasks.ErrUnreachable], [tasks.ErrRefused], and ctx's.
func (s *Store) ClaimRecording(
	ctx context.Context,
	due RecordingsDue,
	id string,
	lease time.Duration,
) (*RecordingClaim, error) {
	reply, err := atLeast(1, recordingClaimScript.Run(
		ctx, s.redis, []string{callKey(id)}, lease.Milliseconds(),
	))
	if err != nil {
		return nil, failure(ctx, err)
	}
	const until, complete = 2, 6
	switch said := reply[0]; {
	case said == "go" && len(reply) == complete:
	case (said == "busy" || said == "later") && len(reply) == until:
		err = s.place(ctx, id, "again", due.score, milliseconds(reply[1]))
	default:
		err = s.placeOver(ctx, id, said, due.score)
	}
	if err != nil || reply[0] != "go" {
		return nil, failureOr(ctx, err)
	}
	c, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	claim := &RecordingClaim{
		Call: c, Now: milliseconds(reply[4]), Guessed: reply[5] == "0",
		store: s, lease: lease, fence: reply[1], score: due.score,
	}
	claim.Link, _ = strconv.Atoi(reply[2])
	claim.Tries, _ = strconv.Atoi(reply[3])
	if c.Undecryptable != nil {
		return nil, claim.hold(ctx)
	}
	return claim, nil
}

// hold gives the recording of a call back that does not open: what it would be called in the store
// depends on what is sealed.
func (c *RecordingClaim) hold(ctx context.Context) error {
	const pause = time.Minute
	if mayTell(&c.store.saidWaits) {
		c.store.log.Error().Str("error", reasonOf(c.Call.Undecryptable)).
			Msg("call undecryptable; its recording waits")
	}
	return c.Again(ctx, Postponed{Pause: pause, Reason: reasonOf(c.Call.Undecryptable), Link: c.Link})
}

// placeOver takes what is over, or gone, out of the index. Who noted it may have died before the
// change was told.
func (s *Store) placeOver(ctx context.Context, id, state, score string) error {
	known, err := s.redis.HMGet(ctx, callKey(id), fieldRevision, fieldTold).Result()
	if err != nil {
		return err
	}
	number := func(i int) (n int64) {
		text, _ := known[i].(string)
		n, _ = strconv.ParseInt(text, 10, 64)
		return n
	}
	if err = s.tell(ctx, id, number(0), number(1)); err != nil {
		return err
	}
	return s.place(ctx, id, state, score, time.Time{})
}

// atLeast reads a reply of so many texts or more.
func atLeast(n int, reply *redis.Cmd) ([]string, error) {
	texts, err := reply.StringSlice()
	if err == nil && len(texts) < n {
		err = errOddReply
	}
	return texts, err
}

// failureOr is [failure] where there is one.
func failureOr(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return failure(ctx, err)
}

// Renew goes on with the claim, and notes the number of the link that is used. Errors:
// [ErrSuperseded], [tasks.ErrUnreachable], [tasks.ErrRefused], and ctx's.
func (c *RecordingClaim) Renew(ctx context.Context, link int) error {
	has, err := recordingRenewScript.Run(
		ctx, c.store.redis, []string{callKey(c.Call.ID)}, c.fence, c.lease.Milliseconds(), link,
	).Int64()
	switch {
	case err != nil:
		return failure(ctx, err)
	case has == 0:
		return ErrSuperseded
	}
	return nil
}

// Kept notes that the recording is in the store. It is noted whoever has the claim by now.
func (c *RecordingClaim) Kept(ctx context.Context, r Recording) error {
	_, err := c.settle(ctx, string(RecordingKept), "",
		c.store.sealFact(c.Call.ID, fieldRecordingLocation, r.Location), r.Bytes, r.SHA256, r.Parts)
	if err != nil {
		return err
	}
	return c.put(ctx, string(RecordingKept), time.Time{})
}

// Lost notes that the recording cannot be had any more.
func (c *RecordingClaim) Lost(ctx context.Context, reason string) error {
	if _, err := c.settle(ctx, string(RecordingLost), reason); err != nil {
		return err
	}
	return c.put(ctx, string(RecordingLost), time.Time{})
}

// None notes that a call of which nothing promised a recording has none.
func (c *RecordingClaim) None(ctx context.Context) error {
	next, err := c.settle(ctx, string(RecordingNone), "")
	switch {
	case err != nil:
		return err
	case next.UnixMilli() > 0: // it was announced meanwhile
		return c.put(ctx, "again", next)
	}
	return c.put(ctx, string(RecordingNone), time.Time{})
}

// Postponed is when and how a recording that is not kept is tried again.
type Postponed struct {
	Pause  time.Duration
	Reason string
	Link   int  // the number of the link to use then
	Failed bool // the try counts
	Late   bool // it should long be kept
}

// Again gives the recording back, to be fetched later.
func (c *RecordingClaim) Again(ctx context.Context, p Postponed) error {
	next, err := c.settle(
		ctx, "again", p.Reason, p.Pause.Milliseconds(), flag(p.Failed), p.Link, flag(p.Late),
	)
	if err != nil {
		return err
	}
	return c.put(ctx, "again", next)
}

func flag(is bool) int {
	if is {
		return 1
	}
	return 0
}

// settle notes what came of the claim in the call's record, which is the truth, and tells of it.
func (c *RecordingClaim) settle(
	ctx context.Context,
	result, reason string,
	more ...any,
) (next time.Time, err error) {
	args := append([]any{c.fence, result, c.store.keep.Milliseconds(), reason}, more...)
	reply, err := recordingSettleScript.
		Run(ctx, c.store.redis, []string{callKey(c.Call.ID)}, args...).Int64Slice()
	const replies = 4
	switch {
	case err == nil && len(reply) != replies:
		err = errOddReply
	case err == nil && reply[0] == 0:
		return time.Time{}, ErrSuperseded
	case err == nil:
		err = c.store.tell(ctx, c.Call.ID, reply[1], reply[2])
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("note what came of a recording: %w", failure(ctx, err))
	}
	return time.UnixMilli(reply[3]), nil
}

func (c *RecordingClaim) put(ctx context.Context, where string, due time.Time) error {
	return failureOr(ctx, c.store.place(ctx, c.Call.ID, where, c.score, due))
}
