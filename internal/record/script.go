package record

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// Key is a task's record. The braces keep everything of one task in one slot of a cluster.
func Key(id string) string { return "dypls:{" + id + "}" }

var (
	//go:embed lua/settle.lua
	settleLua string
	//go:embed lua/history.lua
	historyLua string
	//go:embed lua/new.lua
	newLua string
	//go:embed lua/create.lua
	createLua string
	//go:embed lua/begin.lua
	beginLua string
	//go:embed lua/finish.lua
	finishLua string
	//go:embed lua/handback.lua
	handBackLua string
	//go:embed lua/reject.lua
	rejectLua string
	//go:embed lua/keep.lua
	keepLua string
	//go:embed lua/draw.lua
	drawLua string
	//go:embed lua/sequence.lua
	sequenceLua string
	//go:embed lua/endchange.lua
	endChangeLua string
	//go:embed lua/cancel.lua
	cancelLua string
	//go:embed lua/renew.lua
	renewLua string
	//go:embed lua/resolve.lua
	resolveLua string
	//go:embed lua/rewrite.lua
	rewriteLua string
	//go:embed lua/reopen.lua
	reopenLua string
	//go:embed lua/redeliver.lua
	redeliverLua string
	//go:embed lua/undone.lua
	undoneLua string
	//go:embed lua/notesurplus.lua
	noteSurplusLua string

	createScript    = redis.NewScript(optionalFrom(argsOfNew+1) + newLua + createLua)
	beginScript     = redis.NewScript(settleLua + historyLua + beginLua)
	finishScript    = redis.NewScript(settleLua + historyLua + finishLua)
	drawScript      = redis.NewScript(keepLua + drawLua)
	sequenceScript  = redis.NewScript(keepLua + sequenceLua)
	endChangeScript = redis.NewScript(endChangeLua)
	cancelScript    = redis.NewScript(settleLua + cancelLua)
	renewScript     = redis.NewScript(settleLua + renewLua)
	resolveScript   = redis.NewScript(settleLua + historyLua + resolveLua)
	rewriteScript   = redis.NewScript(rewriteLua)
	reopenScript    = redis.NewScript(settleLua + historyLua + reopenLua)
	handBackScript  = redis.NewScript(handBackLua)
	rejectScript    = redis.NewScript(settleLua + rejectLua)
	redeliverScript = redis.NewScript(redeliverLua)
	undoneScript    = redis.NewScript(undoneLua)
	surplusScript   = redis.NewScript(noteSurplusLua)
)

// Store reads and writes records.
type Store struct {
	redis    redis.UniversalClient
	teller   *Teller  // nil to tell at once
	replicas int      // see WithReplicas
	wakeUps  *wakeUps // nil where scripts wake

	keys  *seal.Keys   // nil to seal nothing
	slots *atomic.Bool // Redis has slots, and runs no script on keys of several
}

// NewStore returns a store on a Redis.
func NewStore(r redis.UniversalClient) Store {
	_, cluster := r.(*redis.ClusterClient)
	s := Store{redis: r, slots: new(atomic.Bool)}
	s.slots.Store(cluster)
	return s
}

// WithKeys returns a store that seals by keys, nil for none, what of a record may hold a number.
func (s Store) WithKeys(k *seal.Keys) Store {
	s.keys = k
	return s
}

// scriptCall is one script, on keys of one slot where Redis has slots.
type scriptCall struct {
	keys   []string
	args   []any
	script *redis.Script // nil for the one of all calls
}

// send sends the call, or puts it into a pipeline. Redis may know a script by its hash, or is told
// it whole.
func (c scriptCall) send(
	ctx context.Context,
	to redis.Scripter,
	script *redis.Script,
	whole bool,
) *redis.Cmd {
	if c.script != nil {
		script = c.script
	}
	if whole {
		return script.Eval(ctx, to, c.keys, c.args...)
	}
	return script.EvalSha(ctx, to, c.keys, c.args...)
}

// runAll runs a script on many keys, after it has written what the index needs first: in one round
// trip, where that keeps the order. Each call gets its own reply or error.
func (s Store) runAll(
	ctx context.Context,
	first *entries,
	script *redis.Script,
	calls []scriptCall,
) ([]*redis.Cmd, error) {
	return s.run(ctx, first, script, calls, nil)
}

// run is runAll with a waiter, which may be nil, right behind the scripts.
func (s Store) run(
	ctx context.Context,
	first *entries,
	script *redis.Script,
	calls []scriptCall,
	w *waiter,
) ([]*redis.Cmd, error) {
	cmds := make([]*redis.Cmd, len(calls))
	if len(calls) == 1 && first == nil && w == nil { // a pipeline of one takes longer
		cmds[0] = calls[0].send(ctx, s.redis, script, false)
		if !redis.HasErrorPrefix(cmds[0].Err(), "NOSCRIPT") {
			return cmds, cmds[0].Err()
		}
		return s.runUnknown(ctx, script, calls, cmds, w)
	}
	first, err := s.apart(ctx, first)
	if err != nil {
		return cmds, err
	}
	var written []*redis.Cmd
	_, err = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		written = first.write(ctx, p)
		for i, c := range calls {
			cmds[i] = c.send(ctx, p, script, false)
		}
		w.ask(ctx, p)
		return nil
	})
	if _, answered := errors.AsType[redis.Error](err); err != nil && !answered {
		return cmds, err
	}
	if err := firstError(written); err != nil && first.needed {
		return cmds, err
	}
	if err := firstError(cmds); !redis.HasErrorPrefix(
		err,
		"NOSCRIPT",
	) { // or the first error is another one, and told
		return cmds, err
	}
	return s.runUnknown(ctx, script, calls, cmds, w)
}

// runUnknown runs those again that Redis did not run because it did not know the script.
func (s Store) runUnknown(
	ctx context.Context,
	script *redis.Script,
	calls []scriptCall,
	cmds []*redis.Cmd,
	w *waiter,
) ([]*redis.Cmd, error) {
	_, _ = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, c := range calls {
			if redis.HasErrorPrefix(cmds[i].Err(), "NOSCRIPT") {
				cmds[i] = c.send(ctx, p, script, true)
			}
		}
		w.ask(ctx, p)
		return nil
	})
	return cmds, firstError(cmds)
}

// apart sends what must come first by itself where Redis is a cluster, which keeps no order between
// slots. It returns what is still to be sent.
func (s Store) apart(ctx context.Context, first *entries) (*entries, error) {
	if _, cluster := s.redis.(*redis.ClusterClient); !cluster || first == nil {
		return first, nil
	}
	if err := s.writeEntries(ctx, first); err != nil && first.needed {
		return nil, err
	}
	return nil, nil //nolint:nilnil // nothing is left
}

func firstError(cmds []*redis.Cmd) error {
	for _, cmd := range cmds {
		if cmd.Err() != nil {
			return cmd.Err()
		}
	}
	return nil
}
