package tasks

import (
	"context"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Parameters returns what a task asks the API for, numbers whole: for whoever may see them. A task
// that succeeded keeps none. Its errors are [ErrUnknownTask], [ErrOtherAction], [ErrUndecryptable],
// [ErrUnreachable] and ctx's.
func (q *Queue) Parameters(ctx context.Context, id string) (dypls.Parameters, error) {
	task, kind, err := q.read(ctx, id)
	if err == nil && task.Undecryptable != nil {
		err = undecryptable(task)
	}
	if err != nil || len(task.Request) == 0 {
		return nil, err
	}
	item, err := kind.Decode(task.Request)
	if err != nil {
		return nil, err
	}
	return dypls.ParametersOf(item.Request), nil
}
