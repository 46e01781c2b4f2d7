package systemtest

import (
	"context"
	"fmt"
	"regexp"
	"testing"

	"github.com/redis/go-redis/v9"
)

// NoNumbers fails when a text holds a number that a test's requests used, or an X of the
// simulator's.
func NoNumbers(t *testing.T, where, text string) {
	t.Helper()
	if number := regexp.MustCompile(`\b1(39|70)\d{8}\b`).FindString(text); number != "" {
		t.Errorf("%s holds the number %s", where, number)
	}
}

// AsynqValues returns everything that asynq keeps, as text.
func AsynqValues(t *testing.T, client *redis.Client) map[string]string {
	t.Helper()
	ctx := t.Context()
	values := map[string]string{}
	keys := client.Scan(ctx, 0, "asynq:*", 1000).Iterator()
	for keys.Next(ctx) {
		dump, err := client.Do(ctx, ReadCommand(ctx, client, keys.Val())...).Result()
		if err != nil {
			t.Fatalf("read %s: %v", keys.Val(), err)
		}
		values[keys.Val()] = fmt.Sprint(dump)
	}
	return values
}

// ReadCommand is the command that reads a key, whatever its type.
func ReadCommand(ctx context.Context, client *redis.Client, key string) []any {
	switch client.Type(ctx, key).Val() {
	case "hash":
		return []any{"HGETALL", key}
	case "list":
		return []any{"LRANGE", key, 0, -1}
	case "zset":
		return []any{"ZRANGE", key, 0, -1}
	case "set":
		return []any{"SMEMBERS", key}
	default:
		return []any{"GET", key}
	}
}
