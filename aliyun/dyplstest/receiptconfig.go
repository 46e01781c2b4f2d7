package dyplstest

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// pushLimit is how long the service waits for the answer to a push.
const pushLimit = 700 * time.Millisecond

// Receipts says where the receipts of calls go, and which of them go wrong. A type that has an
// address and a queue goes both ways. All accounts share what is said here.
type Receipts struct {
	// Push has the address of each type that is pushed, such as
	// http://127.0.0.1:8090/receipts/SecretReport.
	Push map[string]string
	// Queues has the name of the queue of each type that is fetched.
	Queues map[string]string

	// Batch is how many records one push holds at most; it waits Linger, in real time, for them.
	// Default: 1, and 50 ms.
	Batch  int
	Linger time.Duration
	// AnswerWithin is how long the answer to a push is waited for, in real time. Default: 700 ms.
	AnswerWithin time.Duration
	// Again are the waits before a push that failed is repeated, by Calls.Scale; after the last it is
	// dropped. Default: 1, 5 and 10 minutes.
	Again []time.Duration

	// Visibility is how long a message that was taken from a queue is hidden (default: 30 s),
	// Retention how long a queue keeps one (default: 7 days), and TokenLife how long a token for a
	// queue works (default: 10 minutes), by Config.Now. The service's own are not documented.
	Visibility, Retention, TokenLife time.Duration

	// Duplicates is the share of receipts that come twice, although the first was accepted; Late that
	// of those that come LateBy later (default: 15 minutes, by Calls.Scale); OutOfOrder that of calls
	// whose receipts come in the opposite order, after their last. A hash of call, type, way and
	// Config.Seed chooses: the same ones in every run.
	Duplicates, Late, OutOfOrder float64
	LateBy                       time.Duration
}

// PushAll returns Receipts.Push with every type, each below base:
// http://127.0.0.1:8090/receipts/SECRET for a receiver of dyplsq.
func PushAll(base string) map[string]string {
	addresses := map[string]string{}
	for _, kind := range ReceiptTypes() {
		addresses[kind] = base + "/" + kind
	}
	return addresses
}

func (r Receipts) withDefaults() Receipts {
	r.Batch = cmp.Or(r.Batch, 1)
	r.Linger = cmp.Or(r.Linger, 50*time.Millisecond)
	r.AnswerWithin = cmp.Or(r.AnswerWithin, pushLimit)
	if r.Again == nil {
		r.Again = []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute}
	}
	r.Visibility = cmp.Or(r.Visibility, 30*time.Second)
	r.Retention = cmp.Or(r.Retention, 7*24*time.Hour)
	r.TokenLife = cmp.Or(r.TokenLife, 10*time.Minute)
	r.LateBy = cmp.Or(r.LateBy, 15*time.Minute)
	return r
}

func (r Receipts) validate() error {
	if err := r.validateTargets(); err != nil {
		return fmt.Errorf("dyplstest: Config.Receipts: %w", err)
	}
	for name, rate := range map[string]float64{
		"Duplicates": r.Duplicates, "Late": r.Late, "OutOfOrder": r.OutOfOrder,
	} {
		if !(rate >= 0 && rate <= 1) { // NaN, too
			return fmt.Errorf(
				"dyplstest: Config.Receipts.%s must be between 0 and 1: write 0.05 for 5 %%", name,
			)
		}
	}
	waits := append([]time.Duration{
		r.Linger, r.AnswerWithin, r.LateBy, r.Visibility, r.Retention, r.TokenLife,
	}, r.Again...)
	if r.Batch < 1 || slices.Min(waits) < 0 {
		return errors.New(
			"dyplstest: Config.Receipts: Batch and durations must not be negative: leave them out for the usual",
		)
	}
	return nil
}

func (r Receipts) validateTargets() error {
	known := strings.Join(ReceiptTypes(), ", ")
	for kind, target := range r.Push {
		if !slices.Contains(ReceiptTypes(), kind) {
			return fmt.Errorf("the Push: %q is not a type of receipt that is simulated: take one of %s", kind, known)
		}
		to, err := url.Parse(target)
		if err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
			return fmt.Errorf("the Push: the address of %s must be a URL: write it like http://127.0.0.1:8090/%s", kind, kind)
		}
	}
	taken := map[string]string{}
	for kind, queue := range r.Queues {
		if !slices.Contains(ReceiptTypes(), kind) {
			return fmt.Errorf("the Queues: %q is not a type of receipt that is simulated: take one of %s", kind, known)
		}
		if queue == "" || strings.ContainsAny(queue, "/?# ") {
			return fmt.Errorf("the Queues: the queue of %s must have a name without / ? # and blanks: write it like Alicom-Queue-1-%s", kind, kind)
		}
		if other := taken[queue]; other != "" {
			return fmt.Errorf("the Queues: %s is the queue of two types: give each its own", queue)
		}
		taken[queue] = kind
	}
	return nil
}
