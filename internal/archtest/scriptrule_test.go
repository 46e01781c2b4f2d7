package archtest

import (
	"os"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestScriptsKeepTheProxiesRule: every part of every script by the rule as Alibaba Cloud's proxies
// have it. Parts are joined as they are, so that what holds for each holds for all.
func TestScriptsKeepTheProxiesRule(t *testing.T) {
	t.Parallel()
	for _, file := range scripts(t) {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := redistest.CheckScript(string(source)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if last := source[len(source)-1]; last != '\n' {
			t.Errorf("%s does not end with a new line, and another part may follow", file)
		}
	}
}
