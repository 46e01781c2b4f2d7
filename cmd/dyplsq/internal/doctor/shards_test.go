package doctor_test

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestShards: what others put elsewhere is named, and so is a cluster whose masters do not all have
// a part.
func TestShards(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	p.want(t, "shards", doctor.OK, "in one queue")
	p.client.LPush(t.Context(), "asynq:{bind.3}:pending", "k.1")
	p.client.SAdd(t.Context(), "asynq:queues", "bind.3")
	p.want(t, "shards", doctor.Warning, "tasks in bind.3", "same DYPLSQ_SHARDS")
	p.want(t, "workers", doctor.Warning, "bind.3")
	p.Shards = 4
	p.want(t, "shards", doctor.OK, "over 4 queues")

	cluster := redistest.StartMasters(t, 3).Client(t)
	onCluster := &patient{client: p.client, Config: p.Config}
	onCluster.Redis = cluster
	for shards, test := range map[int]struct {
		verdict doctor.Verdict
		says    string
	}{1: {doctor.OK, "masters they are on 1 (bind)"}, 2: {doctor.Warning, "raise DYPLSQ_SHARDS"}, 6: {doctor.OK, "over 6 queues"}} {
		onCluster.Shards = shards
		onCluster.want(t, "shards", test.verdict, test.says)
	}
}
