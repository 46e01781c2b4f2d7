package redistest

import (
	"context"
	"net"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
)

// SlotMove is a slot on its way from one master to another, as redis-cli --cluster reshard moves
// it.
type SlotMove struct {
	Slot int64

	from, to     *redis.Client
	fromID, toID string
	toAddr       string
}

// StartSlotMove tells both masters of the move of a key's slot. From then on what the old one does
// not have is asked of the new one.
func StartSlotMove(tb testing.TB, from, to *Server, key string) *SlotMove {
	tb.Helper()
	ctx := context.Background()
	m := &SlotMove{from: from.Client(tb), to: to.Client(tb), toAddr: to.Addr}
	m.Slot = m.from.ClusterKeySlot(ctx, key).Val()
	m.fromID, m.toID = m.from.ClusterMyID(ctx).Val(), m.to.ClusterMyID(ctx).Val()
	m.set(tb, m.to, "IMPORTING", m.fromID)
	m.set(tb, m.from, "MIGRATING", m.toID)
	return m
}

func (m *SlotMove) set(tb testing.TB, node *redis.Client, args ...any) {
	tb.Helper()
	cmd := node.Do(context.Background(), append([]any{"CLUSTER", "SETSLOT", m.Slot}, args...)...)
	if err := cmd.Err(); err != nil {
		tb.Fatal(cmd, err)
	}
}

// MoveKeys moves at most so many of the keys that are still with the old master, in one step that
// holds both up, and returns how many it moved.
func (m *SlotMove) MoveKeys(tb testing.TB, most int) int {
	tb.Helper()
	keys := m.from.ClusterGetKeysInSlot(context.Background(), int(m.Slot), most).Val()
	if len(keys) > 0 {
		m.Move(tb, keys...)
	}
	return len(keys)
}

// Move moves keys that are with the old master.
func (m *SlotMove) Move(tb testing.TB, keys ...string) {
	tb.Helper()
	host, port, _ := net.SplitHostPort(m.toAddr)
	command := []any{"MIGRATE", host, port, "", 0, startWithin.Milliseconds(), "KEYS"}
	args := slices.Grow(command, len(keys))
	for _, key := range keys {
		args = append(args, key)
	}
	if err := m.from.Do(context.Background(), args...).Err(); err != nil {
		tb.Fatalf("migrate %d keys of slot %d: %v", len(keys), m.Slot, err)
	}
}

// Finish makes the new master the owner. The other nodes learn it from the two.
func (m *SlotMove) Finish(tb testing.TB) {
	tb.Helper()
	m.set(tb, m.to, "NODE", m.toID)
	m.set(tb, m.from, "NODE", m.toID)
}
