package worker

import "github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"

// Scopes, as a breaker names them.
const (
	accountScope = "account" // everything
	actionScope  = "action:" // and its name
	poolScope    = "pool:"   // and its key
)

// scopes are those that a call belongs to, the widest first.
func scopes(action, pool string) []string {
	all := []string{accountScope, scopeOf(dypls.ScopeAction, action, pool)}
	if pool != "" {
		all = append(all, scopeOf(dypls.ScopePool, action, pool))
	}
	return all
}

func scopeOf(s dypls.Scope, action, pool string) string {
	switch {
	case s == dypls.ScopeAction:
		return actionScope + action
	case s == dypls.ScopePool && pool != "":
		return poolScope + pool
	}
	return accountScope
}
