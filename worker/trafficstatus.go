package worker

// Budget is a quota as this worker knows it.
type Budget struct {
	Account string
	Name    string  // an action, or pool: and a pool's key
	Rate    float64 // calls a second that all workers together make at most now
	Ceiling float64 // that they never go beyond
}

// Denied is a scope whose calls are held: the API denies them or, of the scope "endpoint", what answers is not the API.
type Denied struct{ Account, Scope string }

// Traffic is how calls are held back at the moment: the accounts whose tasks this worker performs, the budgets that it has used, the
// scopes whose calls are denied, and the accounts that it does not know and whose tasks it has held lately.
type Traffic struct {
	Accounts []string
	Budgets  []Budget
	Open     []Denied
	Missing  []string
}

// Traffic returns how calls are held back. It asks nobody.
func (w *Worker) Traffic() Traffic {
	t := Traffic{Accounts: w.accounts.names(), Missing: w.accounts.strangers.recent()}
	for name, a := range w.accounts.byName {
		a.traffic.report(name, &t)
	}
	return t
}

func (t *traffic) report(account string, into *Traffic) {
	for _, r := range t.limiter.Snapshot() {
		into.Budgets = append(into.Budgets, Budget{Account: account, Name: r.Bucket, Rate: r.Current, Ceiling: r.Ceiling})
	}
	for _, scope := range t.breaker.Open() {
		into.Open = append(into.Open, Denied{account, scope})
	}
}
