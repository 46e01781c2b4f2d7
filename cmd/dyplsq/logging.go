package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

// logFlags say how the log is written. It goes to stderr.
type logFlags struct {
	LogFormat string `default:"json" enum:"json,console" env:"DYPLSQ_LOG_FORMAT" help:"json or console." name:"log-format"`
	LogLevel  string `default:"info" enum:"debug,info,warn,error" env:"DYPLSQ_LOG_LEVEL" help:"debug, info, warn or error." name:"log-level"`
}

func (f logFlags) logger(w io.Writer) zerolog.Logger {
	if f.LogFormat == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly}
	}
	level, err := zerolog.ParseLevel(f.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel
	}
	log := zerolog.New(w).Level(level).With().Timestamp().Logger()
	redis.SetLogger(redisLogger{log: log})
	return log
}

// redisLogger adapts go-redis' own lines, for redis.SetLogger.
type redisLogger struct{ log zerolog.Logger }

// Printf implements go-redis' logger.
func (l redisLogger) Printf(_ context.Context, format string, args ...any) {
	l.log.Warn().Str("component", "redis").Msg(fmt.Sprintf(format, args...))
}
