package doctor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
)

// TestBreakers: calls that are held are told, with what holds them and since when.
func TestBreakers(t *testing.T) {
	t.Parallel()
	p := newPatient(t, healthy...)
	p.want(t, "breakers", doctor.OK, "no calls are held")
	opened := time.Now().Add(-90 * time.Second)
	state := func(code string) string { // as trip.lua writes it
		return fmt.Sprintf("%d 2 0 - %d %s", time.Now().Add(time.Minute).UnixMilli(), opened.UnixMilli(), code)
	}
	p.client.HSet(t.Context(), breakers.Key("default"), breakers.Account, state("isv.OUT_OF_SERVICE"))
	p.want(t, "breakers", doctor.Warning, "calls of account are denied (isv.OUT_OF_SERVICE) for 1m3", "dyplsq codes")
	p.client.Del(t.Context(), breakers.Key("default"))
	p.client.HSet(t.Context(), breakers.Key("default"), breakers.Endpoint, state("dyplsq.NoAnswer"))
	p.want(t, "breakers", doctor.Warning, "has not been the API since "+opened.UTC().Format(time.RFC3339), "DYPLSQ_ENDPOINT")
}
