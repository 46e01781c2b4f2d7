package worker

import (
	"context"
	"encoding/json"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// surplusPrefix begins the id of the task that removes a surplus binding; its account, where it has one, and SubsId follow.
const surplusPrefix = "surplus:"

// compensate queues the removal of a surplus binding. The record keeps the request as well, for the case that this process
// ends before.
func (d *delivery) compensate(ctx context.Context, e record.Ending) {
	var undo dypls.UnbindSubscriptionRequest
	err := json.Unmarshal(e.Surplus(), &undo)
	if err == nil {
		_, err = tasks.UnbindSubscription.Enqueue(context.WithoutCancel(ctx), d.worker.queue, undo, surplusOptions(d.of, undo.SubsID)...)
	}
	if err != nil {
		d.worker.log.Error().Str("id", d.id).Str("subs_id", e.SubsID).Err(err).Msg("the surplus binding could not be queued for removal: unbind it")
	}
}

// surplusOptions: a binding is removed by the account that made it.
func surplusOptions(account, subsID string) []tasks.Option {
	options := []tasks.Option{tasks.TaskID(surplusTask(account, subsID))}
	if account != "" {
		options = append(options, tasks.Account(account))
	}
	return options
}

// surplusTask is the id of the task that removes a surplus binding.
func surplusTask(account, subsID string) string {
	if account == "" {
		return surplusPrefix + subsID
	}
	return surplusPrefix + account + ":" + subsID
}
