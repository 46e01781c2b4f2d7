package record

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

const (
	surplusField = "surplus:" // and its SubsId
	undoneField  = "undone:"  // likewise, once its removal is queued
)

// SurplusBinding is a binding that a task made beside the one it keeps.
type SurplusBinding struct {
	ID      string // of the task
	Account string // "" for the worker's own
	SubsID  string
	Undo    []byte // JSON: what undoes it
	// Undecryptable is why Undo does not open and is empty, nil where it does.
	Undecryptable error
}

// Surpluses returns the surplus bindings of tasks whose removal is not known to be queued.
func (s Store) Surpluses(ctx context.Context, ids ...string) ([]SurplusBinding, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	cmds := make([]*redis.MapStringStringCmd, len(ids))
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			cmds[i] = p.HGetAll(ctx, Key(id))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("record: surplus: %w", err)
	}
	var found []SurplusBinding
	for i, cmd := range cmds {
		fields := cmd.Val()
		for name, undo := range fields {
			subsID, is := strings.CutPrefix(name, surplusField)
			if _, undone := fields[undoneField+subsID]; !is || undone {
				continue
			}
			b := SurplusBinding{ID: ids[i], Account: fields["account"], SubsID: subsID}
			b.Undo, b.Undecryptable = s.open(b.ID, b.Account, name, undo)
			found = append(found, b)
		}
	}
	return found, nil
}

// NoteSurplus notes a surplus binding of a task that has succeeded with another one, held: the
// reaper has it removed. It returns false where the task does not hold that one.
func (s Store) NoteSurplus(ctx context.Context, held string, b SurplusBinding) (bool, error) {
	if err := s.writeEntries(ctx, entry(setEntry, b.ID)); err != nil {
		return false, fmt.Errorf("record: note surplus: %w", err)
	}
	undo := s.seal(b.ID, b.Account, surplusField+b.SubsID, b.Undo)
	noted, err := surplusScript.Run(
		ctx, s.redis, []string{Key(b.ID)}, held, surplusField+b.SubsID, undo,
	).Bool()
	if err != nil {
		return false, fmt.Errorf("record: note surplus: %w", err)
	}
	return noted, nil
}

// Undone notes that the removal of a surplus binding is queued. It makes no record where there is
// none any more.
func (s Store) Undone(ctx context.Context, b SurplusBinding) error {
	err := undoneScript.Run(
		ctx, s.redis, []string{Key(b.ID)}, surplusField+b.SubsID, undoneField+b.SubsID,
	).Err()
	if err != nil {
		return fmt.Errorf("record: undone: %w", err)
	}
	return nil
}
