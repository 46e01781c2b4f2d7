package reaper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// compensate queues the removal of a surplus binding, for the worker that found it may have died
// before. Under the same key as there: what is queued already is not queued again.
func (r *Reaper) compensate(ctx context.Context, b record.SurplusBinding) error {
	subsID, err := Compensate(ctx, r.Queue, b.Account, b.Undo)
	if errors.Is(err, tasks.ErrUnreachable) || errors.Is(err, tasks.ErrClosed) || ctx.Err() != nil {
		return err
	}
	if err != nil && !errors.Is(err, tasks.ErrKeyReused) { // it will be no better the next time
		r.Log.Error().
			Str("id", b.ID).
			Str("subs_id", subsID).
			Err(err).
			Msg("surplus binding not queued for removal; unbind it")
	} else {
		r.repaired(b.ID, "surplus binding queued for removal")
	}
	return r.Records.Undone(ctx, b)
}

// surplusPrefix begins the id of the task that removes a surplus binding; its account, where it has
// one, and SubsId follow.
const surplusPrefix = "surplus:"

// Compensate queues the removal of a surplus binding by the account that made it. undo is the
// request that removes it.
func Compensate(
	ctx context.Context,
	queue *tasks.Queue,
	account string,
	undo []byte,
) (subsID string, err error) {
	var request dypls.UnbindSubscriptionRequest
	if err := json.Unmarshal(undo, &request); err != nil {
		return "", fmt.Errorf("read the request: %w", err)
	}
	options := []tasks.Option{tasks.TaskID(SurplusTask(account, request.SubsID))}
	if account != "" {
		options = append(options, tasks.Account(account))
	}
	_, err = tasks.UnbindSubscription.Enqueue(ctx, queue, request, options...)
	return request.SubsID, err
}

// SurplusTask is the id of the task that removes a surplus binding.
func SurplusTask(account, subsID string) string {
	if account == "" {
		return surplusPrefix + subsID
	}
	return surplusPrefix + account + ":" + subsID
}
