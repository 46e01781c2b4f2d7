package doctor_test

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
)

// TestAgreement: a setting in which workers differ is named with its values, who has each, and what
// holds meanwhile; one that has ended is named no longer.
func TestAgreement(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	p.want(t, "agreement", doctor.OK, "no worker has told its settings")
	announce := func(name string, settings map[string]string) presence.Worker {
		t.Helper()
		w := presence.Worker{Name: name, ID: "of " + name, Settings: settings}
		if err := presence.AnnounceWorker(t.Context(), p.client, w); err != nil {
			t.Fatal(err)
		}
		return w
	}
	day := func(more map[string]string) map[string]string {
		settings := map[string]string{"DYPLSQ_NUMBER_COOLDOWN": "24h", "DYPLSQ_ON_UNCERTAIN": "hold"}
		maps.Copy(settings, more)
		return settings
	}
	for i := range 5 {
		announce(fmt.Sprintf("host:%d", i), day(map[string]string{"DYPLSQ_OF_A_LATER_VERSION": strconv.Itoa(i)}))
	}
	p.want(t, "agreement", doctor.OK, "5 workers have the same settings")
	odd := announce("other:7", day(map[string]string{"DYPLSQ_NUMBER_COOLDOWN": "1h", "DYPLSQ_QPS_BINDAXN": "50"}))
	p.want(t, "agreement", doctor.Warning,
		"workers differ in DYPLSQ_NUMBER_COOLDOWN: 24h (host:0, host:1, host:2 and 2 more), 1h (other:7); while they do, the longest holds",
		"workers differ in DYPLSQ_QPS_BINDAXN: not set (host:0, host:1, host:2 and 2 more), 50 (other:7); while they do, the lowest holds",
		"give all workers the same DYPLSQ_NUMBER_COOLDOWN, and restart those that have another")
	if found := p.examine(t)["agreement"].Found; strings.Contains(found, "UNCERTAIN") || strings.Contains(found, "LATER") {
		t.Errorf("it names what workers do not differ in, or what it does not know: %s", found)
	}
	if err := presence.Leave(t.Context(), p.client, odd); err != nil {
		t.Fatal(err)
	}
	p.want(t, "agreement", doctor.OK, "5 workers have the same settings")
}
