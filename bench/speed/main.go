// Speed measures dyplsq beside what it is compared with, in turns on one machine, and prints
// medians and ratios:
//
//	go run ./speed -scenario throughput,quota -rounds 3 -write README.md
//
// It starts Redis, PostgreSQL, the simulator and all workers itself, on the loopback interface, and
// ends them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
)

const (
	defaultRounds = 3
	usualWindow   = 10 * time.Second
	shortWindow   = 300 * time.Millisecond
	maxRounds     = 100
	// collectSeldom keeps this process, which is the simulator and the line as well, from taking
	// processors away from who is measured.
	collectSeldom = 400
)

// settings are what a run is asked for.
type settings struct {
	scenarios  []string // empty: all
	contenders []string // empty: all
	rounds     int      // 0: each scenario's own
	window     time.Duration
	short      bool   // no figures worth keeping: does everything work?
	write      string // the page to write into; "": none
	program    string // dyplsq; "": built from the module beside this one
	condition  string // of throughput: those whose name has this in it; "": all
	verbose    bool
}

func main() {
	contender.WorkIfWorker()
	debug.SetGCPercent(collectSeldom)
	s, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "speed:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, s, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "speed:", err)
		os.Exit(1)
	}
}

func parse(args []string) (settings, error) {
	var s settings
	var scenarioNames, contenderNames string
	flags := flag.NewFlagSet("speed", flag.ContinueOnError)
	flags.StringVar(
		&scenarioNames, "scenario", "",
		"which of "+strings.Join(names(), ", ")+", separated by commas; all by default",
	)
	flags.StringVar(&contenderNames, "contender", "", "which of dyplsq, script, tuned, River, direct, separated by commas; all by default")
	flags.IntVar(&s.rounds, "rounds", 0, "how often each figure is taken; by default 3 times those that matter most, the others once")
	flags.DurationVar(&s.window, "window", usualWindow, "over how long a rate is measured")
	flags.BoolVar(&s.short, "short", false, "only try whether everything works, some seconds for each contender")
	flags.StringVar(&s.write, "write", "", "page whose tables to replace; the chart is put beside it")
	flags.StringVar(&s.program, "dyplsq", "", "the program to measure, instead of one built from this checkout")
	flags.StringVar(&s.condition, "condition", "", "throughput: only under conditions with this in their name, as \"0 ms / 0 ms\"")
	flags.BoolVar(&s.verbose, "v", false, "tell the progress even where standard error is no terminal")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	s.scenarios, s.contenders = list(scenarioNames), list(contenderNames)
	if s.short {
		s.rounds, s.window = 1, shortWindow
	}
	for _, name := range s.scenarios {
		if !known(name) {
			return s, fmt.Errorf("-scenario %s is not one of %s", name, strings.Join(names(), ", "))
		}
	}
	switch {
	case flags.NArg() > 0:
		return s, fmt.Errorf("%q is no flag: there are no arguments", flags.Arg(0))
	case s.rounds < 0 || s.rounds > maxRounds:
		return s, fmt.Errorf("-rounds must be between 0 and %d", maxRounds)
	case s.window < 100*time.Millisecond || s.window > time.Minute:
		return s, errors.New("-window must be between 100ms and 1m")
	}
	return s, nil
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
