package record_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// clusterSite is a cluster, and a store that waits for one replica of each node.
type clusterSite struct {
	*redistest.Cluster

	client *redis.ClusterClient
	server server
}

const mastersOfCluster = 3

func newClusterSite(t *testing.T) clusterSite {
	t.Helper()
	site := redistest.StartCluster(t)
	client := site.Client(t)
	return clusterSite{site, client, server{store: record.NewStore(client).WithReplicas(1)}}
}

// idOn returns an id whose record is on one master, and whose entry of the index is on another.
func (c clusterSite) idOn(t *testing.T, ofRecord, ofIndex int) string {
	t.Helper()
	for n := 0; ; n++ {
		id := fmt.Sprint("k", n)
		if c.ownerOf(t, record.Key(id)) == ofRecord && c.ownerOf(t, record.IndexKey(id)) == ofIndex {
			return id
		}
	}
}

func (c clusterSite) ownerOf(t *testing.T, key string) int {
	t.Helper()
	const slots = 16384
	return int(c.client.ClusterKeySlot(t.Context(), key).Val()) * mastersOfCluster / slots
}

// replica of a master, as the cluster was started.
func (c clusterSite) replica(master int) *redistest.Server {
	return c.Servers[mastersOfCluster+master]
}

func (c clusterSite) create(ctx context.Context, id string) error {
	_, err := c.server.store.Create(ctx, []*record.New{{ID: id, Action: "BindAxn", Request: []byte(`{}`), Fingerprint: fingerprint, ProcessAt: time.Now()}})
	return err
}

// mustCreate creates a record that a replica has. A busy one may take longer than a step waits for
// it: the step is then repeated, as producers and workers do.
func (c clusterSite) mustCreate(t *testing.T, id string) {
	t.Helper()
	redistest.Poll(t, time.Minute, "a replica to have "+id, func(ctx context.Context) error { return c.create(ctx, id) })
}

// mustBegin is [server.begin], repeated as [clusterSite.mustCreate] is.
func (c clusterSite) mustBegin(t *testing.T, id, run string) (begun record.Begun) {
	t.Helper()
	redistest.Poll(t, time.Minute, "a replica to have "+id, func(context.Context) error {
		if begun = c.server.begin(t, id, run); begun.Shortage != nil { //nolint:contextcheck // it takes the test's
			return begun.Shortage
		}
		return nil
	})
	return begun
}

// mustFinish is [server.finish], repeated as [clusterSite.mustCreate] is.
func (c clusterSite) mustFinish(t *testing.T, e record.Ending) {
	t.Helper()
	e.Keep = keep
	short := false
	redistest.Poll(t, time.Minute, "a replica to have the end of "+e.ID, func(ctx context.Context) error {
		verdict, err := c.server.store.Finish(ctx, e)
		if isShort(err) {
			short = true
			return err
		}
		if err != nil || verdict != record.Done && (verdict != record.Again || !short) {
			t.Fatalf("finish %s: %s, %v", e.ID, verdict, err)
		}
		return nil
	})
}

func isShort(err error) bool {
	_, short := errors.AsType[*record.ShortageError](err)
	return short
}

// TestReplicasOfEachNode: what a step wrote is with the replica of the node it belongs to when the
// step returns; where that one does not answer the step says so, also when nothing is left to be
// written, and the other nodes' go on.
func TestReplicasOfEachNode(t *testing.T) {
	t.Parallel()
	c := newClusterSite(t)
	prompt := 0 // with a replica at the first try, which a busy one misses now and then
	for n := range 30 {
		id := fmt.Sprint("prompt-", n)
		if c.create(t.Context(), id) != nil {
			continue
		}
		begun := c.server.begin(t, id, "run")
		if begun.Shortage != nil {
			continue
		}
		e := rejected(id, begun.Fence)
		e.Keep = keep
		if _, err := c.server.store.Finish(t.Context(), e); err == nil {
			prompt++
		} else if !isShort(err) {
			t.Fatal(err)
		}
	}
	if prompt == 0 {
		t.Error("no replica had what a step wrote when the step returned")
	}
	for master := range mastersOfCluster {
		id := c.idOn(t, master, master)
		c.mustCreate(t, id)
		begun := c.mustBegin(t, id, "run")
		if begun.Verdict != record.Go {
			t.Fatalf("%+v", begun)
		}
		c.mustFinish(t, rejected(id, begun.Fence))
		if n := c.replica(master).Client(t).DBSize(t.Context()).Val(); n == 0 {
			t.Errorf("the replica of master %d has nothing", master)
		}
	}
	const frozen = 1
	late, elsewhere, listed := c.idOn(t, frozen, 0), c.idOn(t, 0, 2), c.idOn(t, 2, frozen)
	c.mustCreate(t, late)
	thaw := c.replica(frozen).Freeze(t)
	for id, want := range map[string]bool{late: true, elsewhere: false, listed: true} {
		for range 2 { // the second time nothing is left to be written
			if !want {
				c.mustCreate(t, id)
			} else if err := c.create(t.Context(), id); !isShort(err) {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
	if begun := c.server.begin(t, late, "run"); begun.Verdict != record.Go || begun.Shortage == nil {
		t.Errorf("begun without a replica: %+v", begun)
	}
	thaw()
	if begun := c.mustBegin(t, late, "run"); begun.Verdict != record.Go {
		t.Errorf("begun again with a replica: %+v", begun)
	}
}

// TestReplicasOfTheNodeThatHasTheSlot: the client takes one master for the owner of a slot, and
// another one is. The replicas of that one are those that count.
func TestReplicasOfTheNodeThatHasTheSlot(t *testing.T) {
	t.Parallel()
	const from, to, neither = 0, 1, 2
	for name, finish := range map[string]bool{"asked": false, "moved": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClusterSite(t)
			id := c.idOn(t, from, neither)
			c.mustCreate(t, "warm") // the client has learnt the slots
			move := redistest.StartSlotMove(t, c.Servers[from], c.Servers[to], record.Key(id))
			if finish {
				move.Finish(t)
			}
			thaw := c.replica(to).Freeze(t)
			if err := c.create(t.Context(), id); !isShort(err) {
				t.Errorf("the replica of the owner does not answer: %v", err)
			}
			thaw()
			thaw = c.replica(from).Freeze(t)
			defer thaw()
			c.mustCreate(t, id) // the replica of the owner answers
			if n := c.Servers[to].Client(t).Do(t.Context(), "CLUSTER", "COUNTKEYSINSLOT", move.Slot).Val(); n != int64(1) {
				t.Errorf("%v records with the owner", n)
			}
		})
	}
}

// TestListOnCluster: lists are put together from all nodes, where records wait for replicas, too.
func TestListOnCluster(t *testing.T) {
	t.Parallel()
	c := newClusterSite(t)
	var want []string
	for n := range 60 {
		id := fmt.Sprintf("k%02d", n)
		c.mustCreate(t, id)
		if begun := c.server.begin(t, id, "run"); n%2 == 0 {
			c.mustFinish(t, rejected(id, begun.Fence))
			want = append([]string{id}, want...)
		}
	}
	failed := []record.State{record.Failed}
	for _, sel := range []record.Selection{
		{Most: 7, States: failed},
		{Most: 100, States: failed, Code: "isv.ILLEGAL_ARGUMENT"},
	} {
		if got := ids(c.server.listAll(t, sel)); len(got) != len(want) {
			t.Errorf("%+v: %q, want %q", sel, got, want)
		}
	}
	if all, open := c.server.listAll(t, record.Selection{Most: 9}), c.server.listAll(t, record.Selection{Most: 9, States: []record.State{record.Calling}}); len(all) != 60 || len(open) != 30 {
		t.Errorf("%d are listed, %d of them open", len(all), len(open))
	}
}
