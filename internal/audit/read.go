package audit

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Filter says which lines are read: those that meet all of it.
type Filter struct {
	By, Action, Target string    // as a line has it; "" for any
	Since              time.Time // the zero time is no bound
	Before             string    // goes on where an earlier read ended: what it returned as next
	Limit              int       // 100 by default, 1,000 at most
}

const (
	defaultLimit = 100
	mostLimit    = 1000
	// examineMost is how many lines one Read looks at, so that it takes a moment whatever is asked.
	examineMost = 20_000
)

var lineID = regexp.MustCompile(`^\d{1,19}-\d{1,19}$`)

// Read returns lines, the newest first, and where to go on, "" where there are no others. It may
// return fewer than it was asked for, or none, although others follow. A Before that no Read
// returned is a *[dypls.ValidationError].
func (l *Log) Read(ctx context.Context, f Filter) (found []Entry, next string, err error) {
	if f.Limit <= 0 {
		f.Limit = defaultLimit
	}
	f.Limit, f.Target = min(f.Limit, mostLimit), maskTarget(f.Target)
	f.By = dypls.Scrub(f.By)
	from, to := "+", "-"
	if f.Before != "" {
		if !lineID.MatchString(f.Before) {
			return nil, "", &dypls.ValidationError{Problems: []dypls.Problem{{
				Field: "Before", Rule: "must be what an earlier list ended with",
				Remedy: "leave it out to begin with the newest",
			}}}
		}
		from = "(" + f.Before
	}
	if !f.Since.IsZero() {
		to = strconv.FormatInt(max(f.Since.UnixMilli(), 0), 10)
	}
	for examined := 0; examined < examineMost; {
		most := f.Limit
		if f.By+f.Action+f.Target != "" {
			most = mostLimit
		}
		lines, err := l.redis.XRevRangeN(ctx, Key, from, to, int64(most)).Result()
		if err != nil {
			return nil, "", fmt.Errorf("audit: %w", err)
		}
		for i, line := range lines {
			if e := entryOf(line, l.keys); f.meets(e) {
				found = append(found, e)
			}
			if len(found) == f.Limit {
				return found, followed(line, i+1 < len(lines) || len(lines) == most), nil
			}
		}
		if len(lines) < most {
			return found, "", nil
		}
		examined += len(lines)
		next = lines[len(lines)-1].ID
		from = "(" + next
	}
	return found, next, nil
}

func (f Filter) meets(e Entry) bool {
	return (f.By == "" || f.By == e.By) &&
		(f.Action == "" || f.Action == e.Action) &&
		(f.Target == "" || f.Target == e.Target)
}

// followed is the cursor behind a line.
func followed(line redis.XMessage, others bool) string {
	if !others {
		return ""
	}
	return line.ID
}
