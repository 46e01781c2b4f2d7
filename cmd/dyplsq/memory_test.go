package main

import (
	"testing"
	"testing/fstest"
)

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	const self = "proc/self/cgroup"
	for name, test := range map[string]struct {
		files map[string]string
		want  int64 // 0 for none
	}{
		"none":         {},
		"v2, at root":  {map[string]string{self: "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n"}, 256 << 20},
		"v2, no limit": {map[string]string{self: "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 0},
		"v2, of a service of systemd": {map[string]string{
			self: "0::/system.slice/dyplsq.service\n", "sys/fs/cgroup/system.slice/dyplsq.service/memory.max": "1073741824\n", "sys/fs/cgroup/system.slice/memory.max": "max\n",
		}, 1 << 30},
		"v2, less above it": {map[string]string{
			self: "0::/pods/pod/box\n", "sys/fs/cgroup/pods/pod/box/memory.max": "max\n", "sys/fs/cgroup/pods/pod/memory.max": "134217728\n", "sys/fs/cgroup/pods/memory.max": "1073741824\n",
		}, 128 << 20},
		"v2, the path is the host's": {map[string]string{self: "0::/../box\n", "sys/fs/cgroup/memory.max": "134217728\n"}, 128 << 20},
		"v1": {map[string]string{
			self: "9:cpu,cpuacct:/box\n5:memory:/docker/box\n1:name=systemd:/box\n", "sys/fs/cgroup/memory/docker/box/memory.limit_in_bytes": "536870912\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 512 << 20},
		"v1, in a container": {map[string]string{self: "5:memory:/docker/box\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n"}, 512 << 20},
		"v1, no limit":       {map[string]string{self: "5:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"garbage":            {map[string]string{self: "what\n:::\n", "sys/fs/cgroup/memory.max": "much\n"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for file, text := range test.files {
				root[file] = &fstest.MapFile{Data: []byte(text)}
			}
			got, limited := memoryLimit(root)
			if limited != (test.want > 0) || limited && got != test.want {
				t.Errorf("%d, %t; want %d", got, limited, test.want)
			}
		})
	}
}
