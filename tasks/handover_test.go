package tasks

import (
	"maps"
	"slices"
	"testing"
)

// TestAsynqScriptsAreKnown fails when asynq makes deliveries by another script than the one that was read. Read it then: record.HandoverScript
// says what is expected of it. Until its hash is changed here, deliveries take a round trip of their own.
func TestAsynqScriptsAreKnown(t *testing.T) {
	t.Parallel()
	got := slices.Sorted(maps.Keys(asynqScripts()))
	if want := []string{scheduleSHA, enqueueSHA}; !slices.Equal(got, want) {
		t.Errorf("asynq's scripts are %q, want %q", got, want)
	}
}
