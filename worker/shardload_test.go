package worker

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestShardsShareTheLoad: some thousands of binds make the three masters of a cluster work about as
// much. What an idle worker asks is not counted: how much of it there is depends on the machine.
func TestShardsShareTheLoad(t *testing.T) {
	t.Parallel()
	const binds, apart = 3000, 20 // percent
	nodes := redistest.StartMasters(t, 3)
	api := dyplstest.Start(t, dyplstest.Config{Pools: []dyplstest.Pool{
		{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", binds+10)},
	}})
	slots, log := &slotWatch{}, &logtest.Log{}
	client, own := nodes.Client(t), nodes.Client(t)
	client.AddHook(slots)
	queue := queuetest.New(t, tasks.Config{Client: client, Shards: 6})
	w, err := New(Config{client: own, Caller: callerOf(t, api), Logger: zerolog.New(log), Shards: 6})
	if err != nil {
		t.Fatal(err)
	}
	own.AddHook(slots)
	runUntilEnd(t, w, log)
	awaitSuccess(t, queue, enqueueBinds(t, queue, "warm-", 10))
	idle := loads(t, nodes)
	<-time.After(2 * time.Second)
	before := loads(t, nodes)
	awaitSuccess(t, queue, enqueueBinds(t, queue, "bind-", binds))
	after := loads(t, nodes)
	var commands, keys []int
	for i := range nodes {
		asked := float64(before[i].commands-idle[i].commands) / before[i].at.Sub(idle[i].at).Seconds()
		all := after[i].commands - before[i].commands
		commands = append(commands, all-int(asked*after[i].at.Sub(before[i].at).Seconds()))
		keys = append(keys, after[i].keys)
		t.Logf("node %d: %d commands, %d of them for tasks (idle: %.0f a second), %.2f s of processor, %d keys",
			i, all, commands[i], asked, after[i].processor-before[i].processor, keys[i])
	}
	if least, most := slices.Min(commands), slices.Max(commands); most*100 > least*(100+apart) {
		t.Errorf("from %d to %d commands a node: more than %d %% apart", least, most, apart)
	}
	if least, most := slices.Min(keys), slices.Max(keys); most*100 > least*(100+apart) {
		t.Errorf("from %d to %d keys a node", least, most)
	}
	if n := slots.refused.Load(); n != 0 {
		t.Errorf("%d commands had keys of several slots", n)
	}
	if n := countPerformed(api); n != binds+10 {
		t.Errorf("%d calls for %d binds", n, binds+10)
	}
}

type load struct {
	commands, keys int
	processor      float64 // seconds
	at             time.Time
}

func loads(t *testing.T, nodes redistest.Masters) []load {
	t.Helper()
	loads := make([]load, len(nodes))
	for i, node := range nodes {
		client := node.Client(t)
		info := client.Info(t.Context(), "stats", "cpu").Val()
		loads[i] = load{commands: int(infoOf(info, "total_commands_processed")), keys: int(client.DBSize(t.Context()).Val())}
		loads[i].at = time.Now()
		loads[i].processor = infoOf(info, "used_cpu_user") + infoOf(info, "used_cpu_sys")
	}
	return loads
}

func infoOf(info, name string) float64 {
	_, rest, _ := strings.Cut(info, name+":")
	text, _, _ := strings.Cut(rest, "\r\n")
	n, _ := strconv.ParseFloat(text, 64)
	return n
}

func countPerformed(api *dyplstest.Server) (n int) {
	for _, e := range api.Ledger() {
		if e.Performed {
			n++
		}
	}
	return n
}
