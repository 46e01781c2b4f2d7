package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/redis/go-redis/v9"
	"github.com/schollz/progressbar/v3"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/reseal"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type keysRotate struct {
	redisFlags

	JSON bool `help:"Print one JSON object." name:"json"`
}

// Run seals anew. What it did stays when it is interrupted.
func (c *keysRotate) Run(ctx context.Context, s streams) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	switch {
	case !keys.On():
		return usage(reseal.ErrNoKeys.Error())
	case !keys.Seals():
		return usage(reseal.ErrNoneActive.Error())
	}
	return c.withPools(ctx, func(client redis.UniversalClient) error {
		left, err := sealPools(ctx, c.numbers(client))
		if err != nil {
			return err
		}
		if left != nil { // all else is sealed nonetheless
			_, _ = fmt.Fprintf(s.err, "dyplsq: %v\n", left)
		}
		progress, finish := keysBar(s)
		report, err := reseal.Rotate(ctx, reseal.Config{Redis: client, Keys: keys, Progress: progress})
		finish()
		if err != nil {
			return redisOr(ctx, err)
		}
		if _, err = fmt.Fprintf(
			s.err, "dyplsq: %d values were sealed by %s\n", report.Changed, report.Active,
		); err != nil {
			return err
		}
		return told(s, report, keys, c.JSON)
	})
}

// sealPools seals the numbers of inventories that stand in clear. left tells which cannot be.
func sealPools(ctx context.Context, numbers *inventory.Inventory) (left, err error) {
	pools, err := numbers.Pools(ctx)
	if err != nil {
		return nil, redisOr(ctx, err)
	}
	for _, pool := range pools {
		switch err := numbers.Seal(ctx, pool, nil); {
		case errors.Is(err, inventory.ErrLeftInClear):
			left = errors.Join(left, err)
		case err != nil:
			return left, redisOr(ctx, err)
		}
	}
	return left, nil
}

func redisOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return tasks.RedisError(err)
}

// keysBar shows how far it is, on a terminal alone.
func keysBar(s streams) (progress func(done, about int64), finish func()) {
	if !isTerminal(s.err) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions64(
		1,
		progressbar.OptionSetWriter(s.err),
		progressbar.OptionSetDescription("keys of Redis"),
		progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(barEvery),
	)
	return func(done, about int64) {
		bar.ChangeMax64(about)
		_ = bar.Set64(done)
	}, func() { _ = bar.Finish() }
}

type keysStatus struct {
	redisFlags

	JSON bool `help:"Print one JSON object." name:"json"`
}

// Run counts. It changes nothing.
func (c *keysStatus) Run(ctx context.Context, s streams) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	return c.withPools(ctx, func(client redis.UniversalClient) error {
		progress, finish := keysBar(s)
		report, err := reseal.Tally(ctx, reseal.Config{Redis: client, Keys: keys, Progress: progress})
		finish()
		if err != nil {
			return redisOr(ctx, err)
		}
		return told(s, report, keys, c.JSON)
	})
}

// told prints a report. Its error says what is still to be done.
func told(s streams, report reseal.Report, keys *seal.Keys, asJSON bool) error {
	write := showReport
	if asJSON {
		write = func(w io.Writer, r reseal.Report, _ []string) error {
			return writeLines(w, []reseal.Report{r})
		}
	}
	if err := write(s.out, report, keys.IDs()); err != nil {
		return err
	}
	if !keys.On() {
		if len(report.IDs()) == 0 {
			return nil
		}
		return statusError{statusFailed, "values are sealed, and no keys are given"}
	}
	if !keys.Seals() {
		return statusError{statusFailed, reseal.ErrNoneActive.Error()}
	}
	var left []string
	if n := report.Clear(); n > 0 {
		left = append(left, fmt.Sprintf("%d values are clear", n))
	}
	for _, id := range report.IDs() {
		switch {
		case id == report.Active:
		case !slices.Contains(keys.IDs(), id):
			left = append(left, fmt.Sprintf("%d values are sealed by %s, which is missing here", report.By(id), id))
		default:
			left = append(left, fmt.Sprintf("%d values are sealed by %s", report.By(id), id))
		}
	}
	if n := report.Broken(); n > 0 {
		left = append(left, fmt.Sprintf("%d of them do not open: they were changed, or moved", n))
	}
	if left != nil {
		return statusError{statusFailed, strings.Join(left, "; ") + ": dyplsq keys rotate seals anew all but receipts that wait, which receivers take"}
	}
	return mayDrop(s.err, report, keys)
}

// mayDrop names the keys that have sealed nothing.
func mayDrop(w io.Writer, report reseal.Report, keys *seal.Keys) error {
	var idle []string
	for _, id := range keys.IDs() {
		if id != report.Active {
			idle = append(idle, id)
		}
	}
	if idle == nil {
		return nil
	}
	_, err := fmt.Fprintf(w, "dyplsq: nothing is sealed by %s: unless it is to be activated, it may be dropped, once no process has it active and no backup needs it\n",
		strings.Join(idle, ", "))
	return err
}

// showReport writes a table: a kind a line, a key a column.
func showReport(w io.Writer, report reseal.Report, known []string) error {
	ids := slices.Compact(slices.Sorted(slices.Values(append(report.IDs(), known...))))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	const first = 2
	heading := append(make([]string, 0, first+len(ids)), "KIND", "CLEAR")
	for _, id := range ids {
		if id == report.Active {
			id += " (active)"
		}
		heading = append(heading, id)
	}
	_, _ = fmt.Fprintln(table, strings.Join(heading, "\t"))
	for _, c := range report.Kinds {
		row := append(make([]string, 0, first+len(ids)), c.Kind, strconv.FormatInt(c.Clear, 10))
		for _, id := range ids {
			row = append(row, strconv.FormatInt(c.Sealed[id], 10))
		}
		_, _ = fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

type keysDrop struct {
	redisFlags

	File string `arg:"" help:"The file of keys."`
	ID   string `arg:"" help:"The id of the key." name:"id"`
}

// Run takes a key out that has sealed nothing.
func (c *keysDrop) Run(ctx context.Context, s streams) error {
	return c.withPools(ctx, func(client redis.UniversalClient) error {
		report, err := reseal.Tally(ctx, reseal.Config{Redis: client})
		if err != nil {
			return redisOr(ctx, err)
		}
		if n := report.By(c.ID); n > 0 {
			return usage(fmt.Sprintf("%d values in Redis are sealed by %s, and would be lost: dyplsq keys rotate first", n, c.ID))
		}
		err = changeKeys(c.File, func(f *seal.File) error {
			at := slices.IndexFunc(f.Keys, func(k seal.FileKey) bool { return k.ID == c.ID })
			switch {
			case at < 0:
				return unknownKey(*f, c.ID)
			case f.Active == c.ID:
				return errors.New("it is the active key: dyplsq keys activate another one first")
			}
			f.Keys = slices.Delete(f.Keys, at, at+1)
			return nil
		})
		if err != nil {
			return usage(err.Error())
		}
		_, err = fmt.Fprintf(s.err, "dyplsq: %s is gone from %s\n", c.ID, c.File)
		return err
	})
}
