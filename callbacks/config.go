package callbacks

import (
	"cmp"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/autopipeline"
	"github.com/seed-5c07c2e9/dyplsq/internal/sendonce"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Config is what a [Sender] needs.
type Config struct {
	Queue *tasks.Queue // of whose tasks it tells
	Calls *calls.Store // of whose calls it tells; nil for none
	// Redis says where deliveries are kept. The sender makes a client of its own, and closes it.
	Redis tasks.RedisConfig
	// Keys seal what endpoints are sent, as long as it is kept: nil, the default, seals nothing. All
	// senders of one Redis need the same.
	Keys *tasks.Keys
	// Endpoints are who is told, see [ReadFile].
	Endpoints []Endpoint
	// Logger gets a line for each attempt, and for what ails an endpoint. It is told neither what was
	// sent, nor what was answered, nor the URL beyond its host.
	Logger zerolog.Logger
	Trace  Trace
	// TracerProvider is OpenTelemetry's: where a span of each attempt goes, linked to the one in which
	// the task, or the call's binding, was enqueued. The endpoint is told of it by traceparent. nil,
	// the default, traces nothing.
	TracerProvider trace.TracerProvider

	// Of tests alone.
	now      func() time.Time
	chance   func() float64
	scale    float64       // of all times that are waited
	oldest   time.Duration // when a delivery is dead, however often it was tried
	resolver *net.Resolver
	roots    *x509.CertPool
}

// Trace is a set of functions that a sender calls as things happen. A nil function is skipped. Many
// goroutines call them at once: they must not block.
type Trace struct {
	// AttemptDone: a callback was sent, or should have been.
	AttemptDone func(AttemptEnd)
}

// Result is what an attempt came to.
type Result string

// The results.
const (
	Delivered Result = "delivered" // the endpoint has taken it
	Failed    Result = "failed"    // it is tried again later
	Dead      Result = "dead"      // it is not
	// Undecryptable: it is sealed and does not open. It was not sent, and is held.
	Undecryptable Result = "undecryptable"
)

// Results returns all of them.
func Results() []Result { return []Result{Delivered, Failed, Dead, Undecryptable} }

// AttemptEnd is what an attempt came to.
type AttemptEnd struct {
	Endpoint string
	Result   Result
	Took     time.Duration
}

func (t *Trace) attemptDone(e AttemptEnd) {
	if t.AttemptDone != nil {
		t.AttemptDone(e)
	}
}

// withDefaults returns the configuration and the client, or everything that is wrong.
//
//nolint:ireturn // one server, or many
func (c Config) withDefaults() (Config, redis.UniversalClient, error) {
	if c.now == nil {
		c.now = time.Now
	}
	if c.chance == nil {
		c.chance = rand.Float64
	}
	if c.scale == 0 {
		c.scale = 1
	}
	c.oldest = cmp.Or(c.oldest, mostAge())
	var problems []error
	if c.Queue == nil {
		problems = append(problems, errors.New("callbacks: Queue must be given"))
	}
	if bad := check(c.Endpoints, nil); bad != nil {
		problems = append(problems, &dypls.ValidationError{Problems: bad})
	}
	client, err := c.Redis.Client()
	if err = errors.Join(append(problems, err)...); err != nil {
		if client != nil {
			_ = client.Close()
		}
		return c, nil, err
	}
	client.AddHook(calm{})
	client.AddHook(autopipeline.New(client))
	sendonce.Install(client)
	return c, client, nil
}

// scaled is a time that is waited.
func (c Config) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * c.scale)
}
