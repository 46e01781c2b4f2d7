package quota

import (
	"context"
	_ "embed" // the script
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// news, in its database, is the channel on which a bucket is said to be closed, or open again.
const news = "dypls:quota"

// Channel is the one on which the workers of a client's database tell one another, for
// [Limiter.Hear].
func Channel(client redis.UniversalClient) string { return record.InDatabase(client, news) }

// serverTime gives a script the time of Redis' clock, in microseconds. Tests give it theirs.
const serverTime = "local clock = redis.call('TIME')\nlocal now = clock[1] * 1000000 + clock[2]\n"

var (
	//go:embed lua/quota.lua
	quotaLua    string
	quotaScript = redis.NewScript(serverTime + quotaLua)
)

// demand is what a worker asks of a bucket, and what it has seen since it asked last. Times are
// those of Redis' clock, in microseconds, 0 for none.
type demand struct {
	wanted, back int
	seen         feedback
}

// granted is the answer of a bucket.
type granted struct {
	now      int64
	epoch    int64 // tokens of an earlier one are void
	tokens   int
	first    int64
	rate     float64 // tokens a second
	wait     int64   // when to ask again where no token was granted
	workers  int
	closedAt int64 // when the throttled call left that closed the bucket; 0 while it is open
}

// bucketKeys are a bucket and the workers that draw on it, in one slot of a cluster.
func bucketKeys(account, name string) []string {
	key := "dypls:quota:{" + account + ":" + name + "}"
	return []string{key, key + ":workers"}
}

// arguments are those of the script, without the keys.
func (d demand) arguments(worker, account, name, channel string, ceiling, start float64) []any {
	args := make([]any, 0, 12+2*len(d.seen.accepted)) //nolint:mnd // as below
	args = append(args, worker, ceiling, start, d.wanted, d.back, channel, account+":"+name,
		d.seen.throttled, d.seen.last, d.seen.windowEnds, d.seen.proof, d.seen.refused)
	for _, t := range d.seen.accepted {
		args = append(args, t.tick, t.calls)
	}
	return args
}

func readGranted(cmd *redis.Cmd) (granted, error) {
	reply, err := cmd.Slice()
	if err != nil {
		return granted{}, err
	}
	const fields, rateAt = 8, 4
	if len(reply) != fields {
		return granted{}, fmt.Errorf("unexpected reply of the quota's script: %d fields", len(reply))
	}
	var n [fields]int64
	for i, value := range reply {
		if n[i], _ = value.(int64); i == rateAt {
			continue
		}
	}
	text, _ := reply[rateAt].(string)
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil || rate <= 0 {
		return granted{}, fmt.Errorf("unexpected reply of the quota's script: rate %q", text)
	}
	return granted{
		now:      n[0],
		epoch:    n[1],
		tokens:   int(n[2]),
		first:    n[3],
		rate:     rate,
		wait:     n[5],
		workers:  int(n[6]),
		closedAt: n[7],
	}, nil
}

// ask runs the script.
func (b *Bucket) ask(ctx context.Context, d demand) (granted, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	l := b.limiter
	return readGranted(
		quotaScript.Run(
			ctx,
			l.config.Redis,
			b.keys,
			d.arguments(l.worker, l.config.Account, b.name, Channel(l.config.Redis),
				b.ceiling, b.start)...),
	)
}
