package worker

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// logAttempt writes the one line of an attempt, and tells the trace.
func (w *Worker) logAttempt(
	d *delivery,
	begun record.Begun,
	v verdict,
	err error,
	took time.Duration,
) {
	d.endSpan(v)
	w.config.Trace.attemptDone(Attempt{
		TaskID:    d.id,
		Account:   d.account.name,
		Action:    d.kind.action,
		Class:     v.class,
		Code:      v.code,
		RequestID: v.requestID,
		Took:      took,
	})
	level := zerolog.InfoLevel
	switch v.state {
	case record.Waiting:
		level = zerolog.WarnLevel
	case record.Failed, record.Uncertain:
		level = zerolog.ErrorLevel
	default:
	}
	line := d.log().WithLevel(level).
		Str("id", d.id).
		Str("action", d.kind.action).
		Int("attempt", begun.Attempt).
		Int("call", begun.Call).
		Str("state", string(v.state)).
		Str("code", v.code).
		Str("class", string(v.class)).
		Str("request_id", v.requestID).
		Dur("duration_ms", took)
	if d.accountName != "" {
		line = line.Str("account", d.accountName)
	}
	if v.state == record.Waiting {
		line = line.Dur("retry_in_ms", v.delay)
	}
	if e, ok := errors.AsType[*dypls.Error](err); ok {
		if _, known := dypls.LookupCode(e.Code); !known {
			line = line.Bool("unknown_code", true)
		}
	}
	line.Msg("attempt")
}

// logReconciliation writes the one line of a look.
func (w *Worker) logReconciliation(
	d *delivery,
	begun record.Begun,
	v verdict,
	finding dypls.Finding,
	err error,
	took time.Duration,
) {
	if d.span.On() {
		d.span.Set(tracing.Finding.String(string(finding)))
		d.endSpan(v)
	}
	log := d.log()
	if d.accountName != "" {
		named := log.With().Str("account", d.accountName).Logger()
		log = &named
	}
	log.Warn().
		Str("id", d.id).
		Str("action", d.kind.action).
		Int("look", begun.Looks+1).
		Str("finding", string(finding)).
		Str("state", string(v.state)).
		Err(err).
		Dur("duration_ms", took).
		Msg("look")
}

// accountLog names the account in the lines about its traffic, where it is not the worker's own.
func accountLog(c Config, account string) zerolog.Logger {
	if account == c.Account {
		return c.Logger
	}
	return c.Logger.With().Str("account", account).Logger()
}

// log is the worker's, with the span of the run where there is one.
func (d *delivery) log() *zerolog.Logger {
	if !d.span.On() {
		return &d.worker.log
	}
	log := d.worker.log.With().Fields(d.span.LogFields()).Logger()
	return &log
}

// logPanic writes where a panic came from. Its value may hold anything, a number included, and is
// left out.
func (w *Worker) logPanic(d *delivery, value any) {
	d.log().Error().Str("id", d.id).Str("action", d.kind.action).Str("code", dypls.CodePanic).
		Str("panic", fmt.Sprintf("%T", value)).Bytes("stack", debug.Stack()).Msg("panic")
}

// asynqLogger adapts asynq's own lines.
type asynqLogger struct{ log zerolog.Logger }

func (l asynqLogger) Debug(args ...any) { l.log.Debug().Msg(fmt.Sprint(args...)) }
func (l asynqLogger) Info(args ...any)  { l.log.Info().Msg(fmt.Sprint(args...)) }

// Error leaves out that Redis refuses, which the worker has said.
func (l asynqLogger) Error(args ...any) {
	if text := fmt.Sprint(args...); !refusal.Told(text) {
		l.log.Error().Msg(text)
	}
}

// Warn leaves out what asynq says of every task that is archived: the line of its attempt has said
// it, and why.
func (l asynqLogger) Warn(args ...any) {
	if text := fmt.Sprint(
		args...); !refusal.Told(text) &&
		!strings.HasPrefix(text, "Retry exhausted for task") {
		l.log.Warn().Msg(text)
	}
}

// Fatal ends the process after the line is written, as asynq expects.
func (l asynqLogger) Fatal(args ...any) { l.log.Fatal().Msg(fmt.Sprint(args...)) }
