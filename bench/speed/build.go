package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// build makes dyplsq as it is released, or, where that does not matter, as fast as it can be had.
func build(ctx context.Context, released bool) (program string, remove func(), err error) {
	out, err := exec.CommandContext(
		ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/seed-5c07c2e9/dyplsq",
	).Output()
	if err != nil {
		return "", nil, fmt.Errorf("find dyplsq: run this in its bench folder: %w", err)
	}
	dir, err := os.MkdirTemp("", "bench-dyplsq-")
	if err != nil {
		return "", nil, err
	}
	program = filepath.Join(dir, "dyplsq")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/dyplsq")
	cmd.Dir = strings.TrimSpace(string(out))
	if released {
		cmd.Args = append(cmd.Args[:2:2], "-trimpath", "-ldflags", "-s -w", "-o", program, "./cmd/dyplsq")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("build dyplsq: %w: %s", err, text), os.RemoveAll(dir))
	}
	return program, func() { _ = os.RemoveAll(dir) }, nil
}
