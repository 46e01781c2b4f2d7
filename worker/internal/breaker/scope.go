package breaker

import (
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
)

// scopes are those that a call belongs to, the widest first.
func scopes(action, pool string) []string {
	all := []string{breakers.Account, scopeOf(dypls.ScopeAction, action, pool)}
	if pool != "" {
		all = append(all, scopeOf(dypls.ScopePool, action, pool))
	}
	return all
}

func scopeOf(s dypls.Scope, action, pool string) string {
	switch {
	case s == dypls.ScopeAction:
		return breakers.Action + action
	case s == dypls.ScopePool && pool != "":
		return breakers.Pool + pool
	}
	return breakers.Account
}
