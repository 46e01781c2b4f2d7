package tasks

import (
	"context"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// Keys seal what Redis keeps of tasks, so that nobody who reads Redis, its files or a copy of them
// reads a number: requests, results, links. Everybody who enqueues, performs or collects
// tasks needs them. A nil *Keys, the default everywhere, seals nothing. They may be shared,
// and used by many goroutines.
type Keys = seal.Keys

// KeysFromFile reads keys from a file that `dyplsq keys new` made. Nobody but its owner and its
// group may read it. It is read again whenever a key is missing: a process finds a new one without
// a restart.
func KeysFromFile(ctx context.Context, path string) (*Keys, error) {
	return seal.FromFile(ctx, path)
}

// KeysFromCommand reads keys from what a command prints, as the client of a KMS does: the text of
// the file of [KeysFromFile]. sh runs the command, for 30 s at most, and again whenever a key is
// missing.
func KeysFromCommand(ctx context.Context, command string) (*Keys, error) {
	return seal.FromCommand(ctx, command)
}
