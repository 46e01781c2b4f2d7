package record

import (
	"context"
	_ "embed" // the script
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/replicas"
)

var (
	//go:embed lua/tell.lua
	tellLua string

	tellScript = redis.NewScript(tellLua)
)

// runOnCluster is runSafe. The index comes first, and is held by replicas, too: it leads to records
// whose delivery was forgotten.
func (s Store) runOnCluster(
	ctx context.Context,
	cluster *redis.ClusterClient,
	first *entries,
	script *redis.Script,
	calls []scriptCall,
) (cmds []*redis.Cmd, shortage *ShortageError, err error) {
	if first != nil {
		if shortage, err = replicas.RunOnCluster(
			ctx,
			cluster,
			s.replicas,
			first.steps()...); err != nil &&
			first.needed {
			return nil, nil, err
		}
	}
	steps := make([]*replicas.Step, len(calls))
	for i, c := range calls {
		steps[i] = &replicas.Step{Keys: c.keys, Script: script, Args: c.args}
	}
	of, err := replicas.RunOnCluster(ctx, cluster, s.replicas, steps...)
	for _, step := range steps {
		cmds = append(cmds, step.Reply)
	}
	return cmds, replicas.Fewer(shortage, of), err
}

// tellOnCluster is Tell, but for the catalog, which is with the index. The index is on other nodes
// than the stream: what a failover of the stream's forgot would not be in it either, so replicas
// are waited for between the two. Fewer than wanted keep nothing up.
func (s Store) tellOnCluster(
	ctx context.Context,
	cluster *redis.ClusterClient,
	told []Open,
) error {
	stream := &replicas.Step{
		Keys:   []string{Stream},
		Script: tellScript,
		Args:   []any{StreamID, StreamState},
	}
	steps := []*replicas.Step{stream}
	for _, o := range told {
		stream.Args = append(stream.Args, o.ID, string(o.State))
		if o.State == Uncertain {
			steps = append(
				steps,
				&replicas.Step{Keys: []string{heldKey}, Script: indexScript, Args: []any{setEntry, o.ID, 0}},
			)
		}
	}
	if _, err := replicas.RunOnCluster(ctx, cluster, s.replicas, steps...); err != nil {
		return fmt.Errorf("record: tell: %w", err)
	}
	return nil
}

func (e *entries) steps() (steps []*replicas.Step) {
	for key, args := range e.all() {
		steps = append(steps, &replicas.Step{Keys: []string{key}, Script: indexScript, Args: args})
	}
	return steps
}
