package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type followCommand struct {
	redisFlags

	Group    string         `help:"The service that collects: the processes of a group share its outcomes, each group gets all." placeholder:"G" required:""`
	Consumer string         `help:"This process, under the same name after a restart: it is then first given what it had not finished. The host's name by default." placeholder:"C"`
	Since    *time.Duration `help:"Hand out again, to the whole group, what was told so long ago or later." placeholder:"DURATION"`
	Remove   bool           `help:"Forget the group, with what it has not acknowledged, and end."`
	JSON     bool           `help:"Print one JSON object a line." name:"json"`
}

// Run prints every outcome as it comes, until ctx is done. One that could not be written is not
// acknowledged.
func (c *followCommand) Run(ctx context.Context, s streams) error {
	host, _ := os.Hostname()
	consumer := cmp.Or(c.Consumer, host)
	if c.Group == "" || consumer == "" {
		return usage("--group and --consumer must not be empty: name the service, and this process of it")
	}
	queue, err := c.queue(tasks.Config{})
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }()
	if c.Remove {
		return c.remove(ctx, queue, s)
	}
	go c.watchKeys(ctx, zerolog.Nop())
	var options []tasks.FollowOption
	if c.Since != nil {
		options = append(options, tasks.Since(time.Now().Add(-*c.Since)))
	}
	following, unwritten := context.WithCancelCause(ctx)
	defer unwritten(nil)
	err = queue.Follow(following, c.Group, consumer, func(_ context.Context, o tasks.Outcome) error {
		err := writeOutcome(s.out, o, c.JSON)
		if err != nil {
			unwritten(fmt.Errorf("outcomes could not be written: %w", err))
		}
		return err
	}, options...)
	switch {
	case ctx.Err() != nil: // told to end
		return nil
	case following.Err() != nil:
		return context.Cause(following)
	}
	return err
}

// remove forgets a group that nobody reads any more.
func (c *followCommand) remove(ctx context.Context, queue *tasks.Queue, s streams) error {
	removed, err := queue.RemoveGroup(ctx, c.Group)
	switch {
	case err != nil:
		return err
	case !removed:
		return usage("there is no group of this name: dyplsq doctor names those that there are and nobody reads")
	}
	_, _ = fmt.Fprintf(s.err, "dyplsq: the group %q is forgotten\n", c.Group)
	return nil
}

func writeOutcome(w io.Writer, o tasks.Outcome, asJSON bool) error {
	if !asJSON {
		_, err := fmt.Fprintln(w, forPeople(o))
		return err
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(o)
}
