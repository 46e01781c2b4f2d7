package doctor

import (
	"context"
	"fmt"
	"time"
)

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
	const remedy = "CONFIG SET appendonly yes, appendfsync everysec, and in redis.conf"
	switch hidden := fsync == ""; {
	case aof == "1":
		return []Finding{e.logged(fsync)}, nil
	case aof == "":
		return []Finding{found("", "Redis does not tell whether it writes to disk").but(Warning, "make sure that appendonly is yes")}, nil
	case hidden:
		return []Finding{found("", "no append-only file, and Redis does not tell whether it makes snapshots: a crash loses at least what came since").
			but(Loses, "turn the instance's append-only file on")}, nil
	case save == "":
		return []Finding{found("", "neither append-only file nor snapshots: a restart of Redis loses every task, outcome and number").but(Loses, remedy)}, nil
	}
	if e.info["rdb_last_bgsave_status"] == "err" {
		return []Finding{found("", "snapshots alone, and the latest one failed").but(Loses, "look at Redis' log: its disk may be full; then "+remedy)}, nil
	}
	f := found("", "snapshots alone (save %s): a crash loses what came since the latest", save)
	if at := e.number("rdb_last_save_time"); at > 0 {
		f.Found += fmt.Sprintf(", %s ago, now %d changes", e.Now().Sub(time.Unix(at, 0)).Round(time.Second), e.number("rdb_changes_since_last_save"))
	}
	return []Finding{f.but(Loses, remedy)}, nil
}

// logged is what an append-only file keeps.
func (e *examination) logged(fsync string) Finding {
	if status := e.info["aof_last_write_status"]; status == "err" {
		return found("", "the append-only file cannot be written").but(Loses, "look at Redis' log: its disk may be full")
	}
	switch fsync {
	case "always":
		return found("", "append-only file, appendfsync always: a crash loses nothing that was acknowledged")
	case "no":
		return found("", "append-only file, appendfsync no: a crash of the machine loses what its system had not written, half a minute or more").
			but(Loses, "CONFIG SET appendfsync everysec, and in redis.conf")
	case "everysec":
		return found("", "append-only file, appendfsync everysec: a crash of the machine loses about a second, one of Redis alone nothing")
	}
	return found("", "append-only file; Redis does not tell its appendfsync").but(Warning, "make sure that it is everysec or always")
}
