package doctor

import (
	"context"
	"fmt"
	"time"
)

// durable is the one answer that docs/redis.md and docs/guarantees.md give, too, with what it
// costs.
const durable = "CONFIG SET appendonly yes and appendfsync always, and in redis.conf: every write then waits for the disk, " +
	"and those that arrive together share the wait"

// persistence tells what a crash of Redis, or of its machine, would lose.
func (e *examination) persistence(ctx context.Context) ([]Finding, error) {
	aof := e.info["aof_enabled"]
	save, err := e.setting(ctx, "save")
	if err != nil {
		return nil, err
	}
	fsync, err := e.setting(ctx, "appendfsync")
	if err != nil {
		return nil, err
	}
	switch hidden := fsync == ""; {
	case aof == "1":
		f := e.logged(fsync)
		torn, err := e.setting(ctx, "aof-load-truncated")
		f.Found += tornFile[torn]
		return []Finding{f}, err
	case aof == "":
		return []Finding{
			found(
				"",
				"Redis does not tell whether it writes to disk",
			).but(Warning, "make sure that appendonly is yes"),
		}, nil
	case hidden:
		return []Finding{
			found(
				"",
				"no append-only file, and Redis does not tell whether it makes snapshots: a crash loses at least what came since",
			).
				but(Loses, "turn the instance's append-only file on"),
		}, nil
	case save == "":
		return []Finding{
			found(
				"",
				"neither append-only file nor snapshots: a restart of Redis loses every task, outcome and number",
			).but(Loses, durable),
		}, nil
	}
	if e.info["rdb_last_bgsave_status"] == "err" {
		return []Finding{
			found(
				"",
				"snapshots alone, and the latest one failed",
			).but(Loses, "look at Redis' log: its disk may be full; then "+durable),
		}, nil
	}
	f := found("", "snapshots alone (save %s): a crash loses what came since the latest", save)
	if at := e.number("rdb_last_save_time"); at > 0 {
		f.Found += fmt.Sprintf(
			", %s ago, now %d changes",
			e.Now().Sub(time.Unix(at, 0)).Round(time.Second),
			e.number("rdb_changes_since_last_save"),
		)
	}
	return []Finding{f.but(Loses, durable)}, nil
}

// tornFile is what becomes, by aof-load-truncated, of an append-only file whose end a crash of the
// machine has torn off.
var tornFile = map[string]string{
	"yes": ". A file that has lost its end is loaded without it, and Redis' log alone says so (aof-load-truncated yes): a running worker notices, and " +
		"binds pause",
	"no": ". With a file that has lost its end Redis does not start (aof-load-truncated no): copy it, then redis-check-aof --fix",
}

// logged is what an append-only file keeps.
func (e *examination) logged(fsync string) Finding {
	if status := e.info["aof_last_write_status"]; status == "err" {
		return found(
			"",
			"the append-only file cannot be written",
		).but(Loses, "look at Redis' log: its disk may be full")
	}
	if e.info["rdb_last_bgsave_status"] == "err" {
		return found("", "the latest snapshot failed: Redis may take no writes until one is made").
			but(Loses, "look at Redis' log: its disk may be full; where the append-only file is enough, CONFIG SET save ''")
	}
	switch fsync {
	case "always":
		return found(
			"",
			"append-only file, appendfsync always: a crash loses nothing that was acknowledged",
		)
	case "no":
		return found(
			"",
			"append-only file, appendfsync no: a crash loses acknowledged writes, of half a minute or more where it is the machine's",
		).
			but(Loses, durable)
	case "everysec":
		return found(
			"",
			"append-only file, appendfsync everysec: a crash loses acknowledged writes, of a second or two",
		).but(Loses, durable)
	}
	return found("", "append-only file; Redis does not tell its appendfsync").
		but(Warning, "make sure that it is always: everysec, which managed editions have by default, loses acknowledged writes in a crash")
}
