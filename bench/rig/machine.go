package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Machine says in one line where and with what is measured.
func Machine(ctx context.Context) string {
	parts := []string{
		fmt.Sprintf("%d CPUs (%s)", runtime.NumCPU(), orUnknown(cpuModel())), "Linux " + orUnknown(firstLine("/proc/sys/kernel/osrelease")),
		runtime.Version(), "redis-server " + orUnknown(redisVersion(ctx)),
	}
	if _, server, err := postgresPrograms(); err == nil {
		parts = append(parts, orUnknown(output(ctx, server, "--version")))
	}
	return strings.Join(append(parts, time.Now().Format(time.DateOnly)), ", ")
}

// Load is the machine's load, of one and of five minutes.
func Load() string {
	fields := strings.Fields(firstLine("/proc/loadavg"))
	if len(fields) < 2 {
		return "unknown"
	}
	return fields[0] + " and " + fields[1]
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found &&
			strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func redisVersion(ctx context.Context) string {
	for field := range strings.FieldsSeq(output(ctx, "redis-server", "--version")) {
		if version, found := strings.CutPrefix(field, "v="); found {
			return version
		}
	}
	return ""
}

func output(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
