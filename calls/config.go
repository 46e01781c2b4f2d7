package calls

import (
	"cmp"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/autopipeline"
	"github.com/seed-5c07c2e9/dyplsq/internal/consumergroup"
	"github.com/seed-5c07c2e9/dyplsq/internal/sendonce"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	defaultKeep = 30 * 24 * time.Hour
	// defaultRecordingAfter is when the platform's pages say that a recording is there.
	defaultRecordingAfter = 15 * time.Minute
)

// Config is what a [Store] needs. Zero values mean the defaults.
type Config struct {
	// Redis says where receipts and calls are kept. The store makes a client
	// of its own, and closes it.
	Redis tasks.RedisConfig
	// Keys seal what may hold a number, in receipts and calls: nil, the default, seals nothing.
	// Whoever takes in, merges or reads them needs the same.
	Keys *tasks.Keys
	// Keep is how long a call is kept after the last receipt that changed it: 30 days by default.
	Keep time.Duration
	// AskRecordings says which calls' recordings are asked for that nothing announced: [AskRecorded]
	// by default. Where nobody keeps recordings, [AskAnnounced] lets no call wait for one.
	AskRecordings AskRecordings
	// RecordingAfter is how long after a call's end its recording is due where no SecretRecording has
	// told of it: 15 minutes by default.
	RecordingAfter time.Duration
	// WaitReplicas is how many replicas of Redis must hold a push, or a message of a queue, before it
	// counts as taken in, so that a failover forgets none that was: half a second at most is waited
	// for them. 0, the default, waits for none.
	WaitReplicas int
	// Logger gets a line for what cannot be read, or stored. It is told nothing of what is in a
	// receipt.
	Logger zerolog.Logger
	// Trace is told of each push and receipt.
	Trace Trace
	// TracerProvider is OpenTelemetry's: where a span of each receipt of a call goes, linked to the
	// one in which the call's binding was enqueued. nil, the default, traces nothing.
	TracerProvider trace.TracerProvider
}

// Store keeps receipts and calls in Redis. All its methods may be used at the same time.
type Store struct {
	redis   redis.UniversalClient
	keys    *tasks.Keys
	changes *consumergroup.Tail // the stream of them
	// how many replicas must hold what is taken in
	replicas int

	keep  time.Duration
	ask   AskRecordings
	after time.Duration // Config.RecordingAfter
	log   zerolog.Logger
	trace Trace
	spans tracing.Tracer
	said  atomic.Int64 // when it was last told that pushes are not stored, in Unix milliseconds
	// when it was last told that pushes do not open, and that recordings wait for that reason
	saidHeld, saidWaits atomic.Int64
}

// New returns a store. It does not wait for a connection. Its error tells everything that is wrong
// with the configuration.
func New(c Config) (*Store, error) {
	var problems []error
	c.Keep = cmp.Or(c.Keep, defaultKeep)
	c.AskRecordings = cmp.Or(c.AskRecordings, AskRecorded)
	c.RecordingAfter = cmp.Or(c.RecordingAfter, defaultRecordingAfter)
	if bad := slices.Concat(
		setting.KeepCalls.Check("Keep", c.Keep),
		c.AskRecordings.check(),
		setting.RecordingAfter.Check("RecordingAfter", c.RecordingAfter),
		setting.WaitReplicas.Check("WaitReplicas", c.WaitReplicas),
	); bad != nil {
		problems = append(problems, &dypls.ValidationError{Problems: bad})
	}
	client, err := c.Redis.Client()
	if err = errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	client.AddHook(autopipeline.New(client))
	sendonce.Install(client)
	return &Store{
		redis:    client,
		keys:     c.Keys,
		changes:  consumergroup.NewTail(client, changeStream),
		replicas: c.WaitReplicas,
		keep:     c.Keep,
		ask:      c.AskRecordings,
		after:    c.RecordingAfter,
		log:      c.Logger,
		trace:    c.Trace,
		spans:    tracing.New(c.TracerProvider),
	}, nil
}

// Close closes the connections.
func (s *Store) Close() error { return s.redis.Close() }
