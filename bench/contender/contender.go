package contender

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
)

// Contender is a way to have binds made.
type Contender interface {
	Name() string
	// Worker is the program of one worker process that makes so many calls at once.
	Worker(site Site, slots int) (*exec.Cmd, error)
	// Producer connects to the queue, and empties it where it is not new. It is to be closed.
	Producer(ctx context.Context, site Site) (Producer, error)
}

// Producer enqueues binds, which are numbered, each number once.
type Producer interface {
	// Enqueue adds one.
	Enqueue(ctx context.Context, i int) error
	// EnqueueBatch adds n from a number on, as this contender does it fastest.
	EnqueueBatch(ctx context.Context, from, n int) error
	// Do adds one and waits until it is told its outcome.
	Do(ctx context.Context, i int) error
	// Finished counts the tasks that have an outcome, good or bad, at a cost that does not matter a
	// few times a run.
	Finished(ctx context.Context) (int, error)
	Close() error
}

// keep is for how long every contender keeps outcomes.
const keep = 24 * time.Hour

// attempts is a task's budget unless the site says otherwise.
const attempts = 6

// Site is where a contender runs.
type Site struct {
	Redis string `json:"redis"` // address, or those of a cluster's masters, separated by commas
	// of each of dyplsq's queues, where that is a cluster; 0: it is none
	Shards   int    `json:"shards"`
	Postgres string `json:"postgres"` // URL; "": there is none
	Endpoint string `json:"endpoint"` // of the API, as http://127.0.0.1:41234
	KeyID    string `json:"key_id"`
	Secret   string `json:"secret"`
	Attempts int    `json:"attempts"` // that one task may use up; 0 for the usual
	Listen   string `json:"listen"`   // address of a receiver
	Archive  string `json:"archive"`  // directory of recordings

	// Calls counts those that have reached the API. It stays in this process.
	Calls func() int `json:"-"`
}

// siteEnv and kindEnv tell a worker process what it is.
const (
	kindEnv = "BENCH_WORKER"
	siteEnv = "BENCH_SITE"
)

type assignment struct {
	Site  Site `json:"site"`
	Slots int  `json:"slots"`
}

// own is this program again, as a worker of a kind.
func own(kind string, site Site, slots int) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(assignment{site, slots})
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = []string{kindEnv + "=" + kind, siteEnv + "=" + string(text)}
	return cmd, nil
}

// WorkIfWorker makes this process a worker, and does not return, where it was started as one: the
// first call of a main.
func WorkIfWorker() {
	kind := os.Getenv(kindEnv)
	if kind == "" {
		return
	}
	fmt.Fprintf(os.Stderr, "%s worker: %v\n", kind, work(kind))
	os.Exit(1)
}

func work(kind string) error {
	var a assignment
	if err := json.Unmarshal([]byte(os.Getenv(siteEnv)), &a); err != nil {
		return err
	}
	run, known := map[string]func(Site, int) error{
		script{}.Name(): runScript, tuned{}.Name(): runTuned, river{}.Name(): runRiver,
		direct{}.Name(): runDirect,
		receiverKind:    runReceiver, keeperKind: runKeeper, bareName: runBare,
	}[kind]
	if !known {
		return fmt.Errorf("%s is not a kind of worker", kind)
	}
	return run(a.Site, a.Slots)
}

// client is dyplsq's own, which the tuned ones use, too: what is compared is the queue.
func (s Site) client(conns int) (*aliyun.Client, error) {
	return aliyun.New(aliyun.Config{
		Endpoint: s.Endpoint, Credentials: aliyun.StaticCredentials(s.KeyID, s.Secret, ""),
		MaxConns: conns,
	})
}
