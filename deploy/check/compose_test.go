package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// service is one of docker-compose.yml, as far as it bounds what runs.
type service struct {
	ReadOnly    bool     `json:"read_only"`
	CapDrop     []string `json:"cap_drop"`
	SecurityOpt []string `json:"security_opt"`
	PidsLimit   int      `json:"pids_limit"`
	MemLimit    string   `json:"mem_limit"`
	Command     any      `json:"command"`
	Ports       []string `json:"ports"`
}

// TestComposeIsHardened: whatever runs by docker-compose has no capability, gains none, and is
// bounded; it is published on loopback alone, and Redis, which has a password, not at all.
func TestComposeIsHardened(t *testing.T) {
	t.Parallel()
	var all struct {
		Services map[string]service `json:"services"`
	}
	if err := yaml.Unmarshal([]byte(file(t, "../../docker-compose.yml")), &all); err != nil {
		t.Fatal(err)
	}
	const fewest = 8
	if len(all.Services) < fewest {
		t.Errorf("found %d services", len(all.Services))
	}
	for name, s := range all.Services {
		if !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s has rights that it does not need: %v %v", name, s.CapDrop, s.SecurityOpt)
		}
		if !s.ReadOnly && name != "grafana" { // which writes beside its own files
			t.Errorf("%s may write to its own image", name)
		}
		if s.PidsLimit == 0 || s.MemLimit == "" && name != "redis" { // which is bounded by maxmemory
			t.Errorf("%s is not bounded: %d processes, memory %q", name, s.PidsLimit, s.MemLimit)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") || name == "redis" {
				t.Errorf("%s is published at %s", name, port)
			}
		}
	}
	command := fmt.Sprint(all.Services["redis"].Command)
	for _, option := range []string{"--requirepass ${REDIS_PASSWORD:?", "--maxmemory ", "--maxmemory-policy noeviction"} {
		if !strings.Contains(command, option) {
			t.Errorf("redis is run by %s, without %s", command, option)
		}
	}
}
