// Command dyplsq queues operations of Alibaba Cloud's number-privacy service in Redis, performs
// them, and shows what came of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

type commands struct {
	Demo       demoCommand       `cmd:"" help:"Show one of everything, in memory: embedded Redis, simulated API. Exits 0 when each outcome is as expected."`
	Dev        devCommand        `cmd:"" help:"Stay up with an embedded Redis, the simulated API, a worker and the dashboard, all in memory."`
	Worker     workerCommand     `cmd:"" help:"Perform queued tasks until SIGTERM or SIGINT, then drain."`
	Enqueue    enqueueCommand    `cmd:"" help:"Queue one task, or a batch of them from JSON Lines."`
	Result     resultCommand     `cmd:"" help:"Show what came of a task."`
	List       listCommand       `cmd:"" help:"List tasks by state, code, action, account and time, the newest first."`
	Cancel     cancelCommand     `cmd:"" help:"Withdraw a task before its call leaves, or many: --filter."`
	Retry      retryCommand      `cmd:"" help:"Let a task that failed run again, or many: --filter."`
	Resolve    resolveCommand    `cmd:"" help:"Settle a task that is held as uncertain, or many: --filter."`
	Numbers    numbersCommand    `cmd:"" help:"Keep the numbers (X) that a pool owns, so that every bind names its X."`
	Follow     followCommand     `cmd:"" help:"Print the outcomes of all tasks as they come, each group its own, until SIGTERM or SIGINT."`
	Serve      serveCommand      `cmd:"" help:"Serve the HTTP API, for producers in any language, until SIGTERM or SIGINT."`
	Token      tokenCommand      `cmd:"" help:"Make tokens of the HTTP API."`
	Receive    receiveCommand    `cmd:"" help:"Take in the platform's receipts of calls until SIGTERM or SIGINT, and keep one record of each call."`
	Calls      callsCommand      `cmd:"" help:"Show what the receipts of calls say."`
	Recordings recordingsCommand `cmd:"" help:"Show which recordings are kept, late or lost, and have them fetched again."`
	Callbacks  callbacksCommand  `cmd:"" help:"Show which applications are told of tasks and calls, try them, and tell them again."`
	Keys       keysCommand       `cmd:"" help:"Make the keys that seal numbers in Redis, change the one that seals, seal anew, and tell what is sealed by which."`
	Doctor     doctorCommand     `cmd:"" help:"Check Redis, queues, credentials and settings; tell what will lose data, and what to do about it."`
	Explain    explainCommand    `cmd:"" help:"Tell what happened to a task, attempt by attempt, why it waits, and until when."`
	Queues     queuesCommand     `cmd:"" help:"Show how the queues stand: a table on a terminal, JSON in a pipe."`
	Pause      pauseCommand      `cmd:"" help:"Keep workers from fetching from queues."`
	Resume     resumeCommand     `cmd:"" help:"Let workers fetch from queues again."`
	Audit      auditCommand      `cmd:"" help:"Show who changed what, when and why, the newest first."`
	Dash       dashCommand       `cmd:"" help:"Serve the dashboard, read-only, numbers masked."`
	Sim        simCommand        `cmd:"" help:"Serve a simulated API, in memory."`
	Codes      codesCommand      `cmd:"" help:"Print what every code of the API means and what is done about it."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// streams are where a command reads and writes: outcomes for programs on out, everything for people
// on err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	redis.SetLogger(redisLogger{log: zerolog.Nop()}) // commands that write a log replace it
	ctx, stop := signals()
	status := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(status)
}

// signals returns a context that the first signal ends. A reader of stdout that goes away ends
// nothing: that is told where it was written to, after all else was done.
func signals() (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return ctx, stop
}

// run performs one command and returns the exit status.
func run(ctx context.Context, args []string, s streams) int {
	unsetBlanks()
	parser, err := newParser(ctx, s)
	if err != nil {
		return report(s.err, err)
	}
	return recoverExit(func() int {
		command, err := parse(parser, args)
		if err != nil {
			return report(s.err, err)
		}
		return report(s.err, command.Run())
	})
}

func newParser(ctx context.Context, s streams) (*kong.Kong, error) {
	return kong.New(&commands{}, append(
		numbers(),
		kong.Name("dyplsq"),
		kong.Writers(s.out, s.err),
		kong.Description(
			"Asynchronous number-privacy operations (Alibaba Cloud Dyplsapi) through Redis, each effect once.",
		),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
		kong.Exit(func(status int) { panic(exited(status)) }),
	)...)
}

// lacksValue is how kong puts it that a flag has no value.
var lacksValue = regexp.MustCompile(
	`expected \S+ value but got "EOL" \(<EOL>\)|missing value, expecting ".*"`,
)

// parse reads a command and its flags, and refuses numbers that are out of bounds.
func parse(parser *kong.Kong, args []string) (*kong.Context, error) {
	command, err := parser.Parse(args)
	if _, is := unwritable(err); is { // the help
		return nil, err
	}
	if err != nil {
		return nil, usage(
			lacksValue.ReplaceAllString(
				err.Error(),
				"must have a value: write it behind the flag",
			) + "\nTry: dyplsq --help",
		)
	}
	return command, checkRanges(command.Flags())
}

// unsetBlanks makes a setting that is there but empty, as in templates of environments, one that is
// not there.
func unsetBlanks() {
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); value == "" && strings.HasPrefix(name, "DYPLSQ_") {
			_ = os.Unsetenv(name)
		}
	}
}

// exited is how kong, after printing help, ends the command without ending the process.
type exited int

func recoverExit(f func() int) (status int) {
	defer func() {
		if value := recover(); value != nil {
			code, ok := value.(exited)
			if !ok {
				panic(value)
			}
			status = int(code)
		}
	}()
	return f()
}

func report(w io.Writer, err error) int {
	if err == nil {
		return statusOK
	}
	switch text := err.Error(); {
	case errors.Is(err, context.Canceled):
		_, _ = fmt.Fprintln(w, "dyplsq: interrupted")
	case text != "":
		if remedy, is := unwritable(err); is {
			text += ": " + remedy
		}
		_, _ = fmt.Fprintf(w, "dyplsq: %s\n", text)
	}
	return statusOf(err)
}

// unwritable tells of an output that took no more, as a full disk's or a pipe's whose reader is
// gone, and what to do about it.
func unwritable(err error) (remedy string, is bool) {
	failed, is := errors.AsType[*fs.PathError](err)
	if !is || failed.Op != "write" {
		return "", false
	}
	return "make room on its disk, or send the output where it is read to the end", true
}
