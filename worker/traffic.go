package worker

import "time"

// refreshEvery is how often each worker looks which breakers are open, beside hearing of it.
const refreshEvery = 10 * time.Second

// traffic decides when a call of an account may leave: the governor and the breaker, which all workers of the account share.
type traffic struct {
	worker   *Worker
	governor *governor
	breaker  *breaker
	start    slowStart
}

func newTraffic(w *Worker, account string) *traffic {
	return &traffic{worker: w, governor: newGovernor(w.config, account), breaker: newBreaker(w, account)}
}
