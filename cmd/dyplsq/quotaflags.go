package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

// quotaFlags are ceilings on the calls of all workers together.
type quotaFlags struct {
	QPS     map[string]float64 `help:"Ceiling on the calls a second of an action, of all workers together; for each action, or DYPLSQ_QPS_BINDAXN and so on. The published quotas bound the others." name:"qps" placeholder:"ACTION=N"`
	PoolQPS float64            `env:"DYPLSQ_POOL_QPS" help:"Ceiling on the calls a second for each pool, of all actions and workers; 0 for none." name:"pool-qps" placeholder:"N"`
}

// qpsVariable begins the names of the variables that are the twins of --qps.
const qpsVariable = setting.QPSVariable

// ceilings returns them by the API's names of the actions. A flag goes before its variable.
func (f quotaFlags) ceilings() (map[string]float64, error) {
	ceilings := map[string]float64{}
	for _, entry := range os.Environ() {
		variable, text, _ := strings.Cut(entry, "=")
		name, ours := strings.CutPrefix(variable, qpsVariable)
		if !ours {
			continue
		}
		ceiling, err := setting.ParseRate(text)
		if err != nil {
			return nil, usage(fmt.Sprintf("%s %v", variable, err))
		}
		if err := setCeiling(ceilings, variable, name, ceiling); err != nil {
			return nil, err
		}
	}
	for name, ceiling := range f.QPS {
		if err := setCeiling(ceilings, "--qps", name, ceiling); err != nil {
			return nil, err
		}
	}
	return ceilings, nil
}

func setCeiling(ceilings map[string]float64, where, name string, ceiling float64) error {
	if problems := setting.QPS.Check(where, ceiling); problems != nil {
		return usage(problems[0].String())
	}
	for _, action := range dypls.QuotaActions() {
		if strings.EqualFold(action, name) {
			ceilings[action] = ceiling
			return nil
		}
	}
	return usage(
		fmt.Sprintf(
			"%s names no action: %stake one of %s",
			where,
			suggestion(name, dypls.QuotaActions()),
			strings.Join(dypls.QuotaActions(), ", "),
		),
	)
}
