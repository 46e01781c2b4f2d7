// Chaos puts the load of dyplsq's own chaos test on the hand-rolled worker, and counts in the
// simulator's ledger what became of it:
//
//	go run ./chaos -n 10000
//
// It starts a redis-server, the simulator and three workers, all on the loopback interface, and
// ends them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/bench/handrolled"
)

const (
	maxBinds = 50_000
	slow     = 30 * time.Millisecond
	// lateCalls is what calls of killed workers need until they are in the ledger.
	lateCalls = 10 * slow
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == workerCommand {
		fmt.Fprintln(os.Stderr, "chaos worker:", work())
		os.Exit(1)
	}
	n := flag.Int("n", 400, "how many binds")
	within := flag.Duration("within", 8*time.Minute, "how long to wait for their results")
	verbose := flag.Bool("v", false, "show what the workers log")
	flag.Parse()
	if *n < 1 || *n > maxBinds || *within <= 0 || flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "chaos: -n must be between 1 and %d, -within more than 0, and there are no arguments\n", maxBinds)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *n, *within, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stopped above
	}
}

// run does all of it. What it starts ends before it returns.
func run(ctx context.Context, n int, within time.Duration, verbose bool) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sim, err := dyplstest.Serve(simulated(n))
	if err != nil {
		return err
	}
	defer sim.Close()
	redis, err := newRedis(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, redis.close()) }()
	producer := handrolled.NewProducer(redis.addr)
	defer func() { _ = producer.Close() }()

	started := time.Now()
	kills := &killing{redis: redis, env: workerEnv(redis.addr, sim), verbose: verbose}
	defer kills.stop()
	if err := kills.start(ctx, cancel); err != nil {
		return err
	}
	limited, done := context.WithTimeout(ctx, within)
	defer done()
	if err := enqueueAll(limited, producer, n); err != nil {
		return err
	}
	progressf("%d binds enqueued after %.0f s", n, time.Since(started).Seconds())
	results := collectAll(limited, producer, n)
	took := time.Since(started)
	kills.stop()
	if err := context.Cause(ctx); err != nil {
		return err // interrupted, or something did not start again: it was not the load that was measured
	}
	time.Sleep(lateCalls)

	ledger := sim.Ledger()
	fmt.Fprintf(os.Stdout, "%d binds, 9 in 10 called for within %.0f s, ended after %.0f s; %d workers killed, Redis killed %d times; %s, %d CPUs, %s\n\n",
		n, under(ledger, started).Seconds(), took.Seconds(), kills.workers, kills.redisKills,
		runtime.Version(), runtime.NumCPU(), time.Now().Format(time.DateOnly))
	judge(results, ledger).write(os.Stdout)
	return nil
}

func progressf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
