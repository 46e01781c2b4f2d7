package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
)

// oldestMajor and oldestMinor are of the first Redis on which all scripts run: asynq's archive
// needs ZRANGE BYSCORE, and the stream of outcomes XTRIM MINID.
const oldestMajor, oldestMinor = 6, 2

// errSentinel is that the URL leads to a Sentinel, which answers INFO and PING as a server does,
// and holds no key.
var errSentinel = refusal.Refusal{
	Code:    "sentinel",
	Lasting: true,
	Says:    "this is a Sentinel, which holds no tasks",
	Remedy:  "set REDIS_URL to redis-sentinel://HOST:26379/0?master=NAME: the Sentinels name the master",
}

// server reads what Redis says of itself, for the other checks too.
func (e *examination) server(ctx context.Context) ([]Finding, error) {
	text, err := e.Redis.Info(ctx).Result()
	if err != nil {
		return nil, err
	}
	e.info = readInfo(text)
	version, name := e.info["redis_version"], "Redis"
	if own := e.info["valkey_version"]; own != "" {
		name, version = "Valkey", version+" ("+own+")"
	}
	if e.info["redis_mode"] == "sentinel" {
		return nil, errSentinel
	}
	f := found(
		"",
		"%s %s, %s, %s",
		name,
		cmp.Or(version, "of an unknown version"),
		cmp.Or(e.info["redis_mode"], "standalone"),
		cmp.Or(e.info["role"], "master"),
	)
	switch {
	case version == "":
		f = f.but(Warning, fmt.Sprintf("make sure that it is %d.%d or later", oldestMajor, oldestMinor))
	case tooOld(version):
		f.Found += ": tasks that fail cannot be put away, and what was told is never forgotten, until memory is full"
		f = f.but(Loses, fmt.Sprintf("upgrade Redis to %d.%d or later", oldestMajor, oldestMinor))
	case e.info["role"] == "slave":
		f.Found += ": a replica refuses what is written to it, or loses it"
		f = f.but(Loses, "point REDIS_URL to the master")
	case e.info["redis_mode"] == "cluster" && e.node == "":
		f.Found += ": a node of a cluster refuses the keys of the others"
		f = f.but(Warning, "set REDIS_CLUSTER_NODES to some of its nodes, host:port,host:port")
	}
	return []Finding{f}, nil
}

func tooOld(version string) bool {
	parts := strings.SplitN(version, ".", 3) //nolint:mnd // major, minor, the rest
	major, err := strconv.Atoi(parts[0])
	if err != nil || len(parts) == 1 {
		return false
	}
	minor, err := strconv.Atoi(parts[1])
	return err == nil && (major < oldestMajor || major == oldestMajor && minor < oldestMinor)
}

// readInfo reads INFO's lines, name:value.
func readInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

// number reads one of INFO's numbers, 0 where it is not told.
func (e *examination) number(name string) int64 {
	n, _ := strconv.ParseInt(e.info[name], 10, 64)
	return n
}

// setting asks for one of Redis' settings, "" where it does not tell: managed editions hide them.
func (e *examination) setting(ctx context.Context, name string) (string, error) {
	settings, err := e.Redis.ConfigGet(ctx, name).Result()
	if _, refused := errors.AsType[redis.Error](err); refused {
		return "", nil
	}
	return settings[name], err
}
