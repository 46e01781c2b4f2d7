package calls

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/consumergroup"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

const (
	mergeGroup = "calls"
	mergeBatch = 128
	mergeAside = 32 // receipts at once
	// abandoned is when what another process was given and did not finish is done by this one.
	abandoned = 15 * time.Second
	// changesKept is how long changes are told to those who follow.
	changesKept = 24 * time.Hour
	trimEvery   = time.Minute
	sayEvery    = 10 * time.Second
)

var (
	//go:embed lua/take.lua
	takeLua string
	//go:embed lua/merge.lua
	mergeLua string
	//go:embed lua/told.lua
	toldLua string
	//go:embed lua/index.lua
	indexLua string

	takeScript  = redis.NewScript(takeLua)
	mergeScript = redis.NewScript(mergeLua)
	toldScript  = redis.NewScript(toldLua)
	indexScript = redis.NewScript(indexLua)
)

// Run merges what was taken in into calls, until ctx is done. Any number of processes may run it.
//
// A push leaves its stream when all of its receipts are merged: where a process ends in between,
// another one, or its next start, does all of it again, which changes nothing that was done. While
// Redis is away it waits.
func (s *Store) Run(ctx context.Context) error {
	trimming, stop := context.WithCancel(ctx)
	var trimmer sync.WaitGroup
	trimmer.Go(func() { s.trim(trimming) })
	defer trimmer.Wait()
	defer stop()
	var said time.Time
	pushes := &consumergroup.Reader{
		Group:   s.group(pushStream, mergeGroup, abandoned),
		Count:   mergeBatch,
		Replays: true,
		Failed: func(err error) {
			if time.Since(said) >= sayEvery {
				said = time.Now()
				s.log.Error().Str("error", dypls.Scrub(err.Error())).
					Msg("receipts not merged; trying again")
			}
		},
	}
	pushes.Handle = func(ctx context.Context, entries []redis.XMessage) error {
		held, err := s.mergeAll(ctx, entries)
		if held {
			pushes.Refuse()
		}
		return err
	}
	err := failure(ctx, pushes.Run(ctx))
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// mergeAll merges pushes, and takes those off the stream that are done. held are those that do not
// open, or whose calls do not: they stay. Its error is the first of Redis.
func (s *Store) mergeAll(ctx context.Context, entries []redis.XMessage) (held bool, err error) {
	var work errgroup.Group
	work.SetLimit(mergeAside)
	done := make([]bool, len(entries))
	var closed atomic.Bool
	for i, e := range entries {
		work.Go(func() error {
			err := s.mergePush(ctx, e)
			done[i] = err == nil
			if isUndecryptable(err) {
				closed.Store(true)
				s.sayHeld(err)
				name, _ := e.Values[fieldType].(string)
				s.trace.receiptDone(dypls.ReceiptType(name), Undecryptable, takenIn(e.ID))
				return nil
			}
			return err
		})
	}
	failed := work.Wait()
	held = closed.Load()
	var ids []string
	for i := range entries {
		if done[i] {
			ids = append(ids, entries[i].ID)
		}
	}
	if len(ids) == 0 {
		return held, failed
	}
	_, err = s.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.XAck(ctx, pushStream, mergeGroup, ids...)
		p.XDel(ctx, pushStream, ids...)
		return nil
	})
	return held, errors.Join(failed, err)
}

// mergePush merges every receipt of a push, and puts aside what cannot be.
func (s *Store) mergePush(ctx context.Context, e redis.XMessage) error {
	name, _ := e.Values[fieldType].(string)
	stored, _ := e.Values[fieldBody].(string)
	account, _ := e.Values[fieldAccount].(string)
	body, err := s.keys.Open(seal.Place{Account: account, Key: pushStream, Field: fieldBody}, stored)
	if err != nil {
		return err
	}
	t, from := dypls.ReceiptType(name), origin{account, takenIn(e.ID)}
	parse := dypls.ParseReceipts
	if e.Values[fieldWay] == wayQueue {
		parse = dypls.ParseReceiptMessage
	}
	receipts, broken := parse(t, []byte(body))
	if broken != nil {
		if err := s.putAside(ctx, t, from, []byte(body), broken); err != nil {
			return err
		}
	}
	for _, r := range receipts {
		err := s.mergeReceipt(ctx, r, from)
		if err != nil {
			return err
		}
	}
	return nil
}

// origin is what the push of a receipt says of it.
type origin struct {
	account string // "" for the default account
	at      time.Time
}

// takenIn is when an entry was added, by Redis' clock.
func takenIn(entry string) time.Time {
	ms, _, _ := strings.Cut(entry, "-")
	return instantOf(ms)
}

func (s *Store) mergeReceipt(ctx context.Context, r dypls.Receipt, from origin) error {
	if r.Err != nil {
		return s.putAside(ctx, r.Type, from, r.Raw, r.Err)
	}
	f, ofCall, err := factsOf(r)
	switch {
	case err != nil:
		return s.putAside(ctx, r.Type, from, r.Raw, err)
	case !ofCall:
		return s.keepOther(ctx, r, from)
	}
	f.text(factAccount, from.account)
	ctx, span, err := s.startReceipt(ctx, r, &f)
	if err != nil {
		return err
	}
	defer span.End()
	result, err := s.mergeFacts(ctx, r, f, from)
	endReceipt(span, result, err)
	return err
}

// mergeFacts merges what a receipt says into its call.
func (s *Store) mergeFacts(
	ctx context.Context, r dypls.Receipt, f facts, from origin,
) (Result, error) {
	if err := s.expect(ctx, &f); err != nil {
		return "", err
	}
	if err := s.index(ctx, f, from.at); err != nil {
		return "", err
	}
	mergeIt := s.merge
	if s.keys.On() {
		mergeIt = s.mergeSealed
	}
	isNew, known, err := mergeIt(ctx, f, r)
	if err != nil {
		return "", err
	}
	if err = s.want(ctx, f, known, from.at); err != nil {
		return "", err
	}
	result := Duplicate
	if isNew {
		result = Merged
		if report, ended := r.Body.(*dypls.SecretReport); ended {
			s.trace.callDone(CallEnd{report.PoolKey, resultOf(*report)})
		}
	}
	s.trace.receiptDone(r.Type, result, from.at)
	return result, nil
}

// knownRecording is what the record of a call has of its recording.
type knownRecording struct {
	state    RecordingState
	expected bool
}

// merge merges a receipt into its call, and tells of the change. Who dies between the two leaves a
// revision that was not told: the next who merges this receipt tells it. It also returns what the
// record has of the recording.
func (s *Store) merge(
	ctx context.Context,
	f facts,
	r dypls.Receipt,
) (isNew bool, known knownRecording, err error) {
	const perFact = 3
	args := make([]any, 0, perFact*(len(f.list)+1))
	args = append(args, s.keep.Milliseconds(), prefixReceipt+r.Key(), string(r.Raw))
	for _, fact := range f.list {
		rank := f.rank
		if fact.guessed {
			rank = rankGuess
		}
		args = append(args, rank, fact.name, fact.value)
	}
	reply, err := mergeScript.Run(ctx, s.redis, []string{callKey(f.call)}, args...).Slice()
	const replies = 6
	if err == nil && len(reply) == 1 {
		stored, _ := reply[0].(string)
		id, _ := seal.KeyID(stored)
		return false, known, &seal.MissingKeyError{KeyID: id}
	}
	if err == nil && len(reply) != replies {
		err = errOddReply
	}
	if err != nil {
		return false, known, fmt.Errorf("merge a receipt: %w", err)
	}
	added, _ := reply[0].(int64)
	revision, _ := reply[2].(int64)
	told, _ := reply[3].(int64)
	state, _ := reply[4].(string)
	expected, _ := reply[5].(string)
	known = knownRecording{RecordingState(state), isExpected(expected)}
	return added == 1, known, s.tell(ctx, f.call, revision, told)
}

var errOddReply = errors.New("the script answered something else")

// tell tells of a call that has changed, unless that was done.
func (s *Store) tell(ctx context.Context, id string, revision, told int64) error {
	if revision <= told {
		return nil
	}
	err := s.redis.XAdd(ctx, &redis.XAddArgs{
		Stream: changeStream,
		Values: []any{fieldCall, id, fieldRevision, revision},
	}).Err()
	if err == nil {
		err = toldScript.Run(ctx, s.redis, []string{callKey(id)}, revision).Err()
	}
	if err != nil {
		return fmt.Errorf("tell of a call: %w", err)
	}
	return nil
}

// index lets a call be found by day, task and binding. A call without a time of its own is found by
// when its receipt came.
func (s *Store) index(ctx context.Context, f facts, at time.Time) error {
	how := "NX" // what is known stays
	if dialled := f.at(); !dialled.IsZero() {
		at, how = dialled, "CH"
	}
	keys := []string{dayKey(at)}
	if task := f.value(factOutID); task != "" {
		keys = append(keys, s.taskKey(task))
	}
	if binding := f.value(factBinding); binding != "" {
		keys = append(keys, bindingKey(binding))
	}
	for _, key := range keys {
		err := indexScript.Run(
			ctx, s.redis, []string{key}, how, at.UnixMilli(), f.call, (s.keep + day).Milliseconds(),
		).Err()
		if err != nil {
			return fmt.Errorf("index a call: %w", err)
		}
	}
	return nil
}

// putAside keeps what cannot be read, for a person.
func (s *Store) putAside(
	ctx context.Context,
	t dypls.ReceiptType,
	from origin,
	raw []byte,
	reason error,
) error {
	err := s.redis.XAdd(ctx, &redis.XAddArgs{
		Stream: unreadStream,
		MaxLen: mostUnread,
		Approx: true,
		Values: withAccount(from.account,
			fieldType, string(t), fieldReason, reason.Error(),
			fieldBody, s.sealEntry(unreadStream, from.account, fieldBody, raw)),
	}).Err()
	if err != nil {
		return fmt.Errorf("put a receipt aside: %w", err)
	}
	s.log.Warn().Str("type", string(t)).Int("bytes", len(raw)).Str("reason", reason.Error()).
		Msg("receipt unreadable; kept in dypls:receipts:unread")
	s.trace.receiptDone(t, Unread, from.at)
	return nil
}

// keepOther keeps what is of no call: numbers that come, go or fail, and text messages.
func (s *Store) keepOther(ctx context.Context, r dypls.Receipt, from origin) error {
	err := s.redis.XAdd(ctx, &redis.XAddArgs{
		Stream: otherStream,
		MaxLen: mostOther,
		Approx: true,
		Values: withAccount(from.account,
			fieldType, string(r.Type),
			fieldKey, s.sealEntry(otherStream, from.account, fieldKey, []byte(r.Key())),
			fieldBody, s.sealEntry(otherStream, from.account, fieldBody, r.Raw)),
	}).Err()
	if err != nil {
		return fmt.Errorf("keep a receipt: %w", err)
	}
	s.trace.receiptDone(r.Type, Other, from.at)
	return nil
}

// trim forgets what was told longer ago than it is kept, by Redis' clock.
func (s *Store) trim(ctx context.Context) {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		if now, err := s.redis.Time(ctx).Result(); err == nil {
			_ = s.redis.XTrimMinIDApprox(ctx, changeStream, millis(now.Add(-changesKept)), 0).Err()
			_ = s.redis.XTrimMinIDApprox(ctx, otherStream, millis(now.Add(-s.keep)), 0).Err()
			_ = s.redis.XTrimMinIDApprox(ctx, unreadStream, millis(now.Add(-s.keep)), 0).Err()
			for _, key := range indexKeys() {
				_ = s.redis.ZRemRangeByScore(ctx, key, "-inf", millis(now.Add(-s.keep-day))).Err()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func millis(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }
