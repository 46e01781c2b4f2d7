package main

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory has Go collect garbage more often when the process comes near the memory that its
// container, or systemd, lets it have: collectSeldom alone knows no bound, and a process that goes
// beyond is killed with its calls out. GOMEMLIMIT has the last word.
func limitMemory() {
	// the rest is for what Go does not count: the program's text, stacks of C, the kernel's buffers
	const part, of = 4, 5
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit, limited := memoryLimit(os.DirFS("/")); limited {
		debug.SetMemoryLimit(limit / of * part)
	}
}

// memoryLimit is the least that a control group of this process allows, of either version. root is
// the file system.
func memoryLimit(root fs.FS) (bytes int64, limited bool) {
	bytes = math.MaxInt64
	// Without it there is the group that a container sees as the root.
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	for _, file := range limitFiles(string(groups)) {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			continue
		}
		// Without a limit version 2 says max, and version 1 a number that no machine has.
		const none = int64(1) << 60
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && n > 0 && n < none {
			bytes, limited = min(bytes, n), true
		}
	}
	return bytes, limited
}

// limitFiles are where a limit may stand, by the lines of /proc/self/cgroup, such as
// 0::/kubepods/pod1: a group's, and those of all above it. In a container the path may be the
// host's, and its own group stand at the root.
func limitFiles(groups string) []string {
	const v1, v2 = "sys/fs/cgroup/memory", "sys/fs/cgroup"
	files := []string{path.Join(v2, "memory.max"), path.Join(v1, "memory.limit_in_bytes")}
	for line := range strings.Lines(groups) {
		const parts = 3 // hierarchy, controllers, path
		fields := strings.SplitN(strings.TrimSpace(line), ":", parts)
		if len(fields) < parts {
			continue
		}
		for group := path.Clean("/" + fields[2]); group != "/"; group = path.Dir(group) {
			switch {
			case fields[0] == "0" && fields[1] == "":
				files = append(files, path.Join(v2, group, "memory.max"))
			case strings.Contains(","+fields[1]+",", ",memory,"):
				files = append(files, path.Join(v1, group, "memory.limit_in_bytes"))
			}
		}
	}
	return files
}
