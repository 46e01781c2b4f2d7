package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/textinput"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type numbersCommand struct {
	Import  numbersImport  `cmd:"" help:"Add the numbers of a file to a pool's inventory: all of them or none."`
	List    numbersList    `cmd:"" help:"Count a pool's numbers, or every pool's."`
	Readmit numbersReadmit `cmd:"" help:"Let binds have the numbers of a file again that were set aside."`
	Release numbersRelease `cmd:"" help:"Take the numbers of a file out of a pool's inventory."`
}

type numbersImport struct {
	redisFlags
	actorFlags

	Pool string `arg:"" help:"The pool's key, FC..."`
	File string `arg:"" help:"One number a line, its city after a comma where it is known; - for standard input."`
}

// Run imports a file.
func (c *numbersImport) Run(ctx context.Context, s streams) error {
	numbers, err := readNumbers(ctx, c.Pool, c.File, s)
	if err != nil {
		return err
	}
	line := c.entry(
		audit.NumbersImport, c.Pool, map[string]string{"given": strconv.Itoa(len(numbers))},
	)
	return c.changeInventory(ctx, line, func(
		ctx context.Context, v *inventory.Inventory,
	) (map[string]string, error) {
		done, err := v.Import(ctx, c.Pool, numbers)
		if _, elsewhere := errors.AsType[*inventory.ElsewhereError](err); elsewhere {
			return nil, usage("nothing was changed: " + err.Error())
		}
		if err != nil {
			return nil, err
		}
		_, err = fmt.Fprintf(
			s.out,
			"%d added, %d moved to another city, %d were there\n",
			done.Added,
			done.Moved,
			done.Known,
		)
		return map[string]string{
			"added": strconv.Itoa(done.Added), "moved": strconv.Itoa(done.Moved),
		}, err
	})
}

type numbersReadmit struct {
	redisFlags
	actorFlags

	Pool string `arg:"" help:"The pool's key, FC..."`
	File string `arg:"" help:"One number a line; - for standard input."`
}

// Run undoes that numbers were set aside. One that was not stays as it is.
func (c *numbersReadmit) Run(ctx context.Context, s streams) error {
	phones, err := readPhones(ctx, c.Pool, c.File, s)
	if err != nil {
		return err
	}
	line := c.entry(
		audit.NumbersReadmit, c.Pool, map[string]string{"given": strconv.Itoa(len(phones))},
	)
	return c.changeInventory(ctx, line, func(
		ctx context.Context, v *inventory.Inventory,
	) (map[string]string, error) {
		known, err := v.Readmit(ctx, c.Pool, phones...)
		if err != nil {
			return nil, err
		}
		_, err = fmt.Fprintf(s.out, "%d not set aside any more, %d unknown\n", known, len(phones)-known)
		return map[string]string{"known": strconv.Itoa(known)}, err
	})
}

type numbersRelease struct {
	redisFlags
	actorFlags

	Pool  string `arg:"" help:"The pool's key, FC..."`
	File  string `arg:"" help:"One number a line; - for standard input."`
	Force bool   `help:"Also those in use: nobody else gets them, and they leave when their last binding has ended and rested."`
}

// Run takes numbers out of the inventory.
func (c *numbersRelease) Run(ctx context.Context, s streams) error {
	phones, err := readPhones(ctx, c.Pool, c.File, s)
	if err != nil {
		return err
	}
	line := c.entry(audit.NumbersRelease, c.Pool, map[string]string{
		"given": strconv.Itoa(len(phones)), "force": strconv.FormatBool(c.Force),
	})
	return c.changeInventory(ctx, line, func(
		ctx context.Context, v *inventory.Inventory,
	) (map[string]string, error) {
		done, err := v.Remove(ctx, inventory.Removal{Pool: c.Pool, Numbers: phones, Force: c.Force})
		if _, inUse := errors.AsType[*inventory.InUseError](err); inUse {
			return nil, usage(err.Error())
		}
		if err != nil {
			return nil, err
		}
		_, err = fmt.Fprintf(
			s.out,
			"%d gone, %d leave later, %d stay in use, %d unknown\n",
			done.Gone,
			done.Leaving,
			done.InUse,
			done.Unknown,
		)
		return map[string]string{
			"gone": strconv.Itoa(done.Gone), "leaving": strconv.Itoa(done.Leaving),
		}, err
	})
}

type numbersList struct {
	redisFlags

	Pool string `arg:"" help:"The pool's key; every pool when it is left out." optional:""`
	JSON bool   `help:"Print one JSON object a line." name:"json"`
}

// Run counts numbers by pool and city.
func (c *numbersList) Run(ctx context.Context, s streams) error {
	if c.Pool != "" {
		if err := dypls.CheckPoolKey(c.Pool); err != nil {
			return usage(err.Error())
		}
	}
	return c.withInventory(ctx, func(v *inventory.Inventory) error {
		pools := []string{c.Pool}
		if c.Pool == "" {
			var err error
			if pools, err = v.Pools(ctx); err != nil {
				return err
			}
		}
		table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		encoder := json.NewEncoder(s.out)
		if !c.JSON {
			_, _ = fmt.Fprintln(table, "POOL\tCITY\tFREE\tRESTING\tLEASED\tBOUND\tASIDE\tLEAVING\tTOTAL")
		}
		for _, pool := range pools {
			stock, err := v.Counts(ctx, pool)
			if err != nil {
				return err
			}
			for _, city := range slices.Sorted(maps.Keys(stock.ByCity)) {
				n := stock.ByCity[city]
				if c.JSON {
					err = encoder.Encode(
						cityCounts{pool, city, n.Free, n.Resting, n.Leased, n.Bound, n.Aside, n.Leaving},
					)
				} else {
					_, err = fmt.Fprintf(
						table,
						"%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n",
						pool,
						city,
						n.Free,
						n.Resting,
						n.Leased,
						n.Bound,
						n.Aside,
						n.Leaving,
						n.Total(),
					)
				}
				if err != nil {
					return err
				}
			}
		}
		return table.Flush()
	})
}

type cityCounts struct {
	Pool    string `json:"pool"`
	City    string `json:"city"`
	Free    int    `json:"free"`
	Resting int    `json:"resting"`
	Leased  int    `json:"leased"`
	Bound   int    `json:"bound"`
	Aside   int    `json:"aside"`
	Leaving int    `json:"leaving"`
}

// readNumbers reads a file of numbers for a pool.
func readNumbers(ctx context.Context, pool, file string, s streams) ([]inventory.Number, error) {
	if err := dypls.CheckPoolKey(pool); err != nil {
		return nil, usage("nothing was changed: " + err.Error())
	}
	in := textinput.Open(ctx, file, s.in)
	defer func() { _ = in.Close() }()
	numbers, err := inventory.ReadNumbers(textinput.UTF8(in))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, usage("nothing was changed: " + err.Error())
	case len(numbers) == 0:
		return nil, usage("nothing was changed: the file has no number: write one a line")
	}
	return numbers, nil
}

// readPhones is readNumbers without their cities.
func readPhones(ctx context.Context, pool, file string, s streams) ([]dypls.Phone, error) {
	numbers, err := readNumbers(ctx, pool, file, s)
	if err != nil {
		return nil, err
	}
	phones := make([]dypls.Phone, len(numbers))
	for i, n := range numbers {
		phones[i] = n.X
	}
	return phones, nil
}

// withInventory runs f on the inventory, and tells an error of Redis from others.
func (f redisFlags) withInventory(ctx context.Context, use func(*inventory.Inventory) error) error {
	return f.withPools(ctx, func(client redis.UniversalClient) error {
		return use(f.numbers(client))
	})
}

// changeInventory is withInventory for a change, which the audit tells of.
func (f redisFlags) changeInventory(
	ctx context.Context,
	line audit.Entry,
	change func(context.Context, *inventory.Inventory) (detail map[string]string, err error),
) error {
	return f.withPools(ctx, func(client redis.UniversalClient) error {
		return auditedBy(ctx, f.log(client), line, func(ctx context.Context) (map[string]string, error) {
			return change(ctx, f.numbers(client))
		})
	})
}

func (f redisFlags) withPools(ctx context.Context, use func(redis.UniversalClient) error) error {
	client, err := f.client(0)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if err := client.Ping(ctx).Err(); err != nil {
		return tasks.RedisError(err)
	}
	err = use(client)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
