package record

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Detail is all that a record says of its task, for a person who wants to know what became of it.
type Detail struct {
	Record

	Now        time.Time // Redis' clock, when it was read
	ProcessAt  time.Time // when it was meant to run
	Deadline   time.Time // after which no call starts; the zero time for never
	Delivery   int64
	Uncounted  int // calls that used up no attempt
	Crashes    int // workers that ended in a row while performing it
	Claim      time.Time
	MayHaveRun bool
	Suspect    bool
	InDoubt    bool // an earlier call has to be looked for
	// when that call was noted, or the latest look; the zero time where nothing is in flight
	DoubtAt    time.Time
	Looks      int    // that found nothing
	Refusal    string // the code that put the earlier call in doubt
	ResolvedBy string
	ResolvedAt time.Time
	ReopenedBy string
	ReopenedAt time.Time
	Surpluses  []string // SubsIds of bindings beside the one that it keeps
	KeptUntil  time.Time
	History    []Step

	SubsID      string // of the binding that it keeps
	Fingerprint Fingerprint
	FirstCall   time.Time // when its first call was noted, and its latest
	LatestCall  time.Time
}

var detailFields = []string{
	"process_at",
	"deadline",
	"delivery",
	"uncounted",
	"crashes",
	"claim_until",
	"may_have_run",
	"suspect",
	"doubt_at",
	"looks",
	"refusal",
	"resolved_by",
	"resolved_at",
	"reopened_by",
	"reopened_at",
	"history",
	"subs_id",
	"fingerprint",
	"first_call_at",
	"noted_at",
}

// Detail reads a record in one round trip. One that does not exist has no State.
func (s Store) Detail(ctx context.Context, id string) (Detail, error) {
	var plain, more *redis.SliceCmd
	var names *redis.StringSliceCmd
	var clock *redis.TimeCmd
	var ttl *redis.DurationCmd
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		plain, more = p.HMGet(ctx, Key(id), recordFields...), p.HMGet(ctx, Key(id), detailFields...)
		names, ttl, clock = p.HKeys(ctx, Key(id)), p.PTTL(ctx, Key(id)), p.Time(ctx)
		return nil
	})
	if err != nil {
		return Detail{}, fmt.Errorf("record: detail: %w", err)
	}
	r := fieldReader{more.Val()}
	d := Detail{
		Record:     s.readRecord(id, plain.Val()),
		Now:        clock.Val().UTC(),
		ProcessAt:  fromMillis(r.integer(0)),
		Deadline:   fromMillis(r.integer(1)),
		Delivery:   r.delivery(2),
		Uncounted:  int(r.integer(3)),
		Crashes:    int(r.integer(4)),
		Claim:      fromMillis(r.integer(5)),
		MayHaveRun: r.integer(6) == 1,
		Suspect:    r.integer(7) == 1,
		InDoubt:    r.text(8) != "",
		Looks:      int(r.integer(9)),
		Refusal:    r.text(10),
		ResolvedBy: r.text(11),
		ResolvedAt: fromMillis(r.integer(12)),
		ReopenedBy: r.text(13),
		ReopenedAt: fromMillis(r.integer(14)),
		History:    readHistory(r.text(15)),

		SubsID:      r.text(16),
		Fingerprint: Fingerprint(r.text(17)),
		FirstCall:   fromMillis(cmp.Or(r.integer(18), r.integer(19))),
		LatestCall:  fromMillis(r.integer(19)),
	}
	if !d.State.Running() {
		d.Claim = time.Time{} // of a run that is over
	}
	if latest := d.Now.Add(LongestClaim); d.Claim.After(latest) { // the clock was put back since
		d.Claim = latest
	}
	if at := r.integer(8); at > 1 { // 1 stands for a call that was answered
		d.DoubtAt = fromMillis(at)
	}
	if rest := ttl.Val(); rest > 0 {
		d.KeptUntil = d.Now.Add(rest)
	}
	for _, name := range names.Val() {
		if subsID, is := strings.CutPrefix(name, surplusField); is {
			d.Surpluses = append(d.Surpluses, subsID)
		}
	}
	return d, nil
}
