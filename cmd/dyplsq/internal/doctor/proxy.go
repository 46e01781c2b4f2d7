package doctor

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

const (
	// probeKey is looked for, and never there.
	probeKey = "dypls:doctor"
	// asAsynqWrites is how asynq's scripts name some of their keys: not literally as KEYS[n], as
	// Alibaba Cloud's proxies want it.
	asAsynqWrites = "local key = KEYS[1] return redis.call('EXISTS', key)"
	// refusedByProxy is in their answer to such a script.
	refusedByProxy = "bad lua script"
	// toldByProxy is in their answer to INFO KEY, a command of their own. Redis knows no such section,
	// and answers nothing.
	toldByProxy = "node_index:"
)

// proxy finds out whether Redis is behind one of Alibaba Cloud's proxies, and whether that lets
// asynq's scripts through.
func (e *examination) proxy(ctx context.Context) ([]Finding, error) {
	told, _ := e.Redis.Do(ctx, "INFO", "KEY", probeKey).Text()
	proxied := strings.Contains(told, toldByProxy)
	err := e.Redis.Eval(ctx, asAsynqWrites, []string{probeKey}).Err()
	_, refused := errors.AsType[redis.Error](err)
	switch {
	case refused && strings.Contains(err.Error(), refusedByProxy):
		return []Finding{
			found(
				"",
				"Alibaba Cloud's proxy refuses the scripts of the queue (script_check_enable is 1): tasks are accepted and never performed",
			).
				but(Loses, "set script_check_enable to 0 among the instance's parameters, or take a standard instance without a proxy"),
		}, nil
	case err != nil:
		return nil, err
	case proxied:
		return []Finding{
			found(
				"",
				"behind Alibaba Cloud's proxy, which lets the scripts through (script_check_enable is 0)",
			),
		}, nil
	}
	return []Finding{found("", "none; scripts run")}, nil
}
