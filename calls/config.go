package calls

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/autopipeline"
	"github.com/seed-5c07c2e9/dyplsq/internal/sendonce"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// The bounds of [Config.Keep].
const (
	DefaultKeep = 30 * 24 * time.Hour
	LeastKeep   = time.Hour
	MostKeep    = 10 * 365 * 24 * time.Hour
)

// Config is what a [Store] needs. Zero values mean the defaults.
type Config struct {
	// Redis says where receipts and calls are kept. The store makes a client of its own, and closes it.
	Redis tasks.RedisConfig
	// Keep is how long a call is kept after the last receipt that changed it: 30 days by default.
	Keep time.Duration
	// Logger gets a line for what cannot be read, or stored. It is told nothing of what is in a
	// receipt.
	Logger zerolog.Logger
	// Observer is told what became of each push and receipt; nil for nobody.
	Observer Observer
}

// Observer counts what happens. Its methods are called at the same time.
type Observer interface {
	// Pushed tells how a push was answered, and how long that took. The type of a push that was not
	// let in is empty.
	Pushed(t dypls.ReceiptType, status int, took time.Duration)
	// Settled tells what became of a receipt, and how long after it was taken in.
	Settled(t dypls.ReceiptType, result Result, lag time.Duration)
}

// Result is what became of a receipt.
type Result string

// The results.
const (
	Merged    Result = "merged"    // its call has it now
	Duplicate Result = "duplicate" // it was there, and nothing changed
	Other     Result = "other"     // it is of no call, and kept in a stream of its own
	Unread    Result = "unread"    // it cannot be read, and is kept as it came
)

type nobody struct{}

func (nobody) Pushed(dypls.ReceiptType, int, time.Duration)     {}
func (nobody) Settled(dypls.ReceiptType, Result, time.Duration) {}

// Store keeps receipts and calls in Redis. All its methods may be used at the same time.
type Store struct {
	redis    redis.UniversalClient
	keep     time.Duration
	log      zerolog.Logger
	observer Observer
}

// New returns a store. It does not wait for a connection. Its error tells everything that is wrong
// with the configuration.
func New(c Config) (*Store, error) {
	var problems []error
	c.Keep = cmp.Or(c.Keep, DefaultKeep)
	if c.Keep < LeastKeep || c.Keep > MostKeep {
		problems = append(
			problems,
			fmt.Errorf("Keep must be from %s to %s, not %s", LeastKeep, MostKeep, c.Keep),
		)
	}
	client, err := c.Redis.Client()
	if err = errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	client.AddHook(autopipeline.New(client))
	sendonce.Install(client)
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	return &Store{redis: client, keep: c.Keep, log: c.Logger, observer: c.Observer}, nil
}

// Close closes the connections.
func (s *Store) Close() error { return s.redis.Close() }
