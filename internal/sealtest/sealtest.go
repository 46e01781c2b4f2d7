// Package sealtest makes keys for tests.
package sealtest

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// New returns keys of which k1 seals.
func New(tb testing.TB) *seal.Keys {
	tb.Helper()
	return Keys(tb, seal.NewFile("k1"))
}

// Keys returns the keys of a file.
func Keys(tb testing.TB, f seal.File) *seal.Keys {
	tb.Helper()
	keys, err := seal.Of(f)
	if err != nil {
		tb.Fatalf("sealtest: %v", err)
	}
	return keys
}
