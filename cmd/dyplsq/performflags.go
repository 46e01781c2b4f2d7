package main

import (
	"time"

	"github.com/seed-5c07c2e9/dyplsq/worker"
)

// performFlags say how tasks are performed: a worker does so, and doctor tells what is wrong with
// them.
type performFlags struct {
	apiFlags
	accountFlags
	quotaFlags

	Concurrency     int           `default:"64" env:"DYPLSQ_CONCURRENCY" help:"Calls at once in this process, shared out among the queues (${default})."`
	Fetchers        int           `default:"1" env:"DYPLSQ_FETCHERS" help:"Servers that fetch tasks, for each queue (${default})."`
	AsynqPlain      bool          `env:"DYPLSQ_ASYNQ_PLAIN" help:"Let asynq talk to Redis by itself, slower, with polls that never rest: for an incident in which the shortcuts are in doubt."`
	MaxAttempts     int           `env:"DYPLSQ_MAX_ATTEMPTS" help:"Calls that may be made for one task; 0 for each kind's own: binds 6, others 12." placeholder:"N"`
	OnUncertain     string        `default:"hold" enum:"hold,retry" env:"DYPLSQ_ON_UNCERTAIN" help:"What becomes of a bind whose answer was lost and that cannot be looked up: hold keeps it for a person to settle; retry sends it once more, at the risk of a second number."`
	OnNoNumber      string        `default:"fail" enum:"fail,wait" env:"DYPLSQ_ON_NO_NUMBER" help:"What becomes of a bind for which no number is free: fail tells at once; wait keeps it until a number is freed or its time is over."`
	ShutdownTimeout time.Duration `default:"20s" env:"DYPLSQ_SHUTDOWN_TIMEOUT" help:"How long calls that are out are waited for (${default}); what kills the process must wait longer." placeholder:"DURATION"`
	Keep            time.Duration `default:"24h" env:"DYPLSQ_KEEP" help:"How long outcomes are kept (${default}); a recording's until its link expires." placeholder:"DURATION"`
	KeepStream      time.Duration `default:"24h" env:"DYPLSQ_KEEP_STREAM" help:"How long the ids of finished tasks can be followed (${default})." placeholder:"DURATION"`
	NumberCooldown  time.Duration `default:"24h" env:"DYPLSQ_NUMBER_COOLDOWN" help:"How long a number of an inventory rests after its binding ended (${default})." placeholder:"DURATION"`
	WaitReplicas    int           `env:"DYPLSQ_WAIT_REPLICAS" help:"Replicas of Redis that must know of a call before it leaves; 0 for none." placeholder:"N"`
}

// workerConfig is what the flags make of a worker.
func (f performFlags) workerConfig(queue redisFlags, api clients) (worker.Config, error) {
	to, err := queue.given()
	if err != nil {
		return worker.Config{}, err
	}
	ceilings, err := f.ceilings()
	return worker.Config{
		Redis:           to,
		Keys:            queue.sealing(),
		Caller:          api.own,
		Callers:         api.callers(),
		Concurrency:     f.Concurrency,
		Fetchers:        f.Fetchers,
		Shards:          queue.Shards,
		MaxAttempts:     f.MaxAttempts,
		HTTPTimeout:     f.HTTPTimeout,
		ShutdownTimeout: f.ShutdownTimeout,
		Retention:       f.Keep,
		StreamRetention: f.KeepStream,
		OnUncertain:     worker.OnUncertain(f.OnUncertain),
		OnNoNumber:      worker.OnNoNumber(f.OnNoNumber),
		NumberCooldown:  f.NumberCooldown,
		WaitReplicas:    f.WaitReplicas,
		QPS:             ceilings,
		PoolQPS:         f.PoolQPS,
		AsynqPlain:      f.AsynqPlain,
	}, err
}
