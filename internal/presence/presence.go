// Package presence tells which workers run and with which settings, which accounts they perform
// tasks of, and which nobody seems to know. It is a note for people; all that is decided by it is
// which of several settings holds.
package presence

import (
	"context"
	_ "embed" // the script
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	knownKey   = "dypls:accounts"
	missingKey = "dypls:accounts:missing"
)

// Fresh is how long what was noted counts. Workers note again several times meanwhile.
const Fresh = time.Minute

var (
	//go:embed lua/note.lua
	noteLua    string
	noteScript = redis.NewScript(noteLua)
)

// Announce notes that somebody performs tasks of these accounts.
func Announce(ctx context.Context, client redis.UniversalClient, accounts ...string) error {
	return note(ctx, client, knownKey, accounts)
}

// Missing notes that somebody has held a task of an account that it does not know.
func Missing(ctx context.Context, client redis.UniversalClient, account string) error {
	return note(ctx, client, missingKey, []string{account})
}

func note(ctx context.Context, client redis.UniversalClient, key string, accounts []string) error {
	args := make([]any, 0, 1+len(accounts))
	args = append(args, Fresh.Milliseconds())
	for _, account := range accounts {
		args = append(args, account)
	}
	if err := noteScript.Run(ctx, client, []string{key}, args...).Err(); err != nil {
		return fmt.Errorf("presence: %w", err)
	}
	return nil
}

// Accounts are the names that were noted lately, sorted by when.
type Accounts struct{ Known, Missing []string }

// Read reads them.
func Read(ctx context.Context, client redis.UniversalClient) (Accounts, error) {
	now, err := client.Time(ctx).Result()
	if err != nil {
		return Accounts{}, fmt.Errorf("presence: %w", err)
	}
	since := &redis.ZRangeBy{Min: strconv.FormatInt(now.Add(-Fresh).UnixMilli(), 10), Max: "+inf"}
	var a Accounts
	if a.Known, err = client.ZRangeByScore(ctx, knownKey, since).Result(); err == nil {
		a.Missing, err = client.ZRangeByScore(ctx, missingKey, since).Result()
	}
	if err != nil {
		return Accounts{}, fmt.Errorf("presence: %w", err)
	}
	return a, nil
}
