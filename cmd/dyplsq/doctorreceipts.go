package main

import (
	"context"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
)

// receiptsExamined is what doctor looks at receipts with.
type receiptsExamined struct {
	store   *calls.Store
	puller  *queuePuller // nil where no queue is given, or the settings are refused
	refused error
}

// receipts asks for a receiver that is never run.
func (c *doctorCommand) receipts() (receiptsExamined, error) {
	store, err := c.calls(calls.Config{})
	if err != nil {
		return receiptsExamined{}, err
	}
	e := receiptsExamined{store: store}
	e.puller, e.refused = c.puller(store, c.wireFlags, c.ReceiptsAccount)
	return e, nil
}

func (e receiptsExamined) close() {
	_ = e.store.Close()
	if e.puller != nil {
		_ = e.puller.tokens.Close()
	}
}

func (e receiptsExamined) checks(pushes receiptsFlags, queues receiptsQueueFlags) doctor.Receipts {
	checks := doctor.Receipts{
		Backlog: func(ctx context.Context) (doctor.Backlog, error) {
			b, err := e.store.Backlog(ctx)
			return doctor.Backlog(b), err
		},
		Configured: pushes.listens() || len(queues.ReceiptsQueue) > 0,
		Refused:    e.refused,
	}
	if e.refused == nil && pushes.listens() {
		var door receiptsDoor
		if door, checks.Refused = pushes.check(); door.exposed {
			checks.Exposed = pushes.ReceiptsSecretFile
		}
	}
	if e.puller != nil {
		checks.Queues = e.look
	}
	return checks
}

// look tells what was seen of each queue.
func (e receiptsExamined) look(ctx context.Context) []doctor.ReceiptQueue {
	looks := e.puller.Look(ctx)
	all := make([]doctor.ReceiptQueue, len(looks))
	for i, q := range looks {
		all[i] = doctor.ReceiptQueue{
			Name:    q.Name,
			Type:    string(q.Type),
			Closed:  q.State == calls.QueueRests,
			Problem: q.Problem,
			Remedy:  q.Remedy,
			Waiting: q.Waiting,
			Oldest:  q.Oldest,
		}
	}
	return all
}
