package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

type doctorCommand struct {
	redisFlags
	performFlags
	receiptsFlags
	receiptsQueueFlags
	archiveFlag
	callbacksFlags
	tokensFlag

	ReceiptsAccount string `default:"default" env:"DYPLSQ_ACCOUNT" help:"The account whose receipts are taken in (${default}), as receive --account has it." placeholder:"NAME"`

	JSON bool `help:"Print one JSON object a line." name:"json"`

	now func() time.Time // tests alone
}

// Run makes every check and prints what it found.
func (c *doctorCommand) Run(ctx context.Context, s streams) error {
	client, err := c.client(0)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	api, err := c.clients(c.apiFlags, c.Concurrency)
	if err != nil {
		return err
	}
	defer api.close()
	receipts, err := c.receipts()
	if err != nil {
		return err
	}
	defer receipts.close()
	told, err := c.callbacks(receipts.store)
	if err != nil {
		return err
	}
	defer told.close()
	var lost []string
	var failed error
	err = doctor.Run(ctx, doctor.Config{
		Redis:       client,
		Keys:        c.sealing(),
		Shards:      c.Shards,
		Now:         c.now,
		Endpoint:    strings.TrimSpace(c.Endpoint),
		Reach:       c.reach,
		Recordings:  c.probe(),
		Settings:    c.checkSettings(api),
		Credentials: api.own.CredentialSource,
		Accounts:    api.sources(),
		Quotas:      doctor.Quotas{Wanted: wantedCeilings(), Kept: true, Published: dypls.Quota},
		Receipts:    receipts.checks(c.receiptsFlags, c.receiptsQueueFlags),
		Callbacks:   told.checks(c.callbacksFlags),
		Tokens:      c.tokensCheck(),
	}, func(f doctor.Finding) {
		if f.Verdict == doctor.Loses {
			lost = append(lost, f.Check)
		}
		failed = cmp.Or(failed, c.print(s, f))
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return fmt.Errorf("the findings could not be written: %w", failed)
	case lost != nil:
		return statusError{statusFailed, "data will be lost: " + strings.Join(lost, ", ")}
	}
	return nil
}

func (c *doctorCommand) print(s streams, f doctor.Finding) error {
	if c.JSON {
		return writeLines(s.out, []doctor.Finding{f})
	}
	if f.Remedy != "" {
		f.Found += ". Remedy: " + f.Remedy
	}
	_, err := fmt.Fprintf(s.out, "%-14s  %-11s  %s\n", f.Verdict, f.Check, f.Found)
	return err
}

// checkSettings asks a worker that is never run.
func (c *doctorCommand) checkSettings(api clients) error {
	config, err := c.workerConfig(c.redisFlags, api)
	if err == nil {
		_, err = worker.New(config)
	}
	return err
}

// wantedCeilings are the environment's.
func wantedCeilings() map[string]string {
	wanted := map[string]string{}
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "DYPLSQ_QPS_") {
			wanted[name] = value
		}
	}
	return wanted
}

// sources name where the credentials of each account come from.
func (c clients) sources() map[string]func(context.Context) (string, error) {
	sources := map[string]func(context.Context) (string, error){}
	for name, client := range c.named {
		sources[name] = client.CredentialSource
	}
	return sources
}
