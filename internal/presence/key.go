package presence

import (
	"cmp"
	"context"
	_ "embed" // the script
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Rotation is how long the old and the new key of an account may be in use side by side while
// workers are restarted. Two that are for longer belong to two installations that share a Redis by
// mistake, or to a rotation that nobody finished.
const Rotation = 30 * time.Minute

const keysKey = "dypls:accounts:keys"

var (
	//go:embed lua/key.lua
	keyLua    string
	keyScript = redis.NewScript(keyLua)
)

// AnnounceKey notes that somebody calls for an account with a key, by its fingerprint: never the
// key itself. It returns for how long another key of the account has been in use beside it.
func AnnounceKey(
	ctx context.Context,
	client redis.UniversalClient,
	account, fingerprint string,
) (beside time.Duration, err error) {
	ms, err := keyScript.Run(
		ctx, client, []string{keysKey}, Fresh.Milliseconds(), account, fingerprint,
	).Int64()
	if err != nil {
		return 0, fmt.Errorf("presence: %w", err)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// Key is one that is in use for an account.
type Key struct {
	Account, Fingerprint string
	For                  time.Duration // how long it has been, without a pause
}

// Keys are those that were noted lately, by account, the newest last.
func Keys(ctx context.Context, client redis.UniversalClient) ([]Key, error) {
	now, err := client.Time(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("presence: %w", err)
	}
	noted, err := client.HGetAll(ctx, keysKey).Result()
	if err != nil {
		return nil, fmt.Errorf("presence: %w", err)
	}
	var keys []Key
	for name, times := range noted {
		var first, last int64
		account, fingerprint, _ := strings.Cut(name, " ")
		if _, err := fmt.Sscanf(times, "%d %d", &first, &last); err != nil ||
			now.Sub(time.UnixMilli(last)).Abs() > Fresh {
			continue
		}
		keys = append(keys, Key{account, fingerprint, max(now.Sub(time.UnixMilli(first)), 0)})
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(
			cmp.Compare(a.Account, b.Account),
			cmp.Compare(b.For, a.For),
			cmp.Compare(a.Fingerprint, b.Fingerprint),
		)
	})
	return keys, nil
}
