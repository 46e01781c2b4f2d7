package main

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

func TestMain(m *testing.M) {
	os.Exit(systemtest.MainOf(m, func() int {
		ctx, stop := signals()
		defer stop()
		return run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	}))
}
