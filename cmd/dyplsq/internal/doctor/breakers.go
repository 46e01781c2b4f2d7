package doctor

import (
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// breakers are the calls that are held for all workers.
func (e *examination) breakers(ctx context.Context) ([]Finding, error) {
	known, err := presence.Read(ctx, e.Redis)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, account := range accountNames(known.Known) {
		open, err := breakers.Read(ctx, e.Redis, account)
		if err != nil {
			return nil, err
		}
		for _, b := range open {
			f := found(
				"",
				"calls of %s are denied (%s) for %s: its tasks wait",
				b.Scope,
				b.Code,
				b.For.Round(time.Second),
			).
				but(Warning, "dyplsq codes tells what the code means; mend account, credentials or pool")
			if b.Scope == breakers.Endpoint {
				f = found(
					"",
					"what answers at the endpoint has not been the API since %s, for %s: binds that could not be looked up wait",
					b.Since.UTC().Format(time.RFC3339),
					b.For.Round(time.Second),
				).
					but(Warning, "look at the network, a proxy and DYPLSQ_ENDPOINT; they go on by themselves once the API answers")
			}
			if account != tasks.DefaultAccount {
				f.Found = "account " + account + ": " + f.Found
			}
			findings = append(findings, f)
		}
	}
	if findings == nil {
		findings = []Finding{found("", "no calls are held")}
	}
	return findings, nil
}
