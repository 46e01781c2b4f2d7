package worker

// Budget is a quota as this worker knows it.
type Budget struct {
	Name    string  // an action, or pool: and a pool's key
	Rate    float64 // calls a second that all workers together make at most now
	Ceiling float64 // that they never go beyond
}

// Traffic is how calls are held back at the moment: the budgets that this worker has used, and the scopes whose calls are denied.
type Traffic struct {
	Budgets []Budget
	Open    []string
}

// Traffic returns how calls are held back. It asks nobody.
func (w *Worker) Traffic() Traffic {
	var t Traffic
	g, b := w.traffic.governor, w.traffic.breaker
	g.mu.Lock()
	for name, budget := range g.budgets {
		budget.mu.Lock()
		t.Budgets = append(t.Budgets, Budget{Name: name, Rate: budget.stock.rate, Ceiling: budget.ceiling})
		budget.mu.Unlock()
	}
	g.mu.Unlock()
	b.mu.Lock()
	for scope := range b.probes {
		t.Open = append(t.Open, scope)
	}
	b.mu.Unlock()
	return t
}
