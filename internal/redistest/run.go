package redistest

import (
	"flag"
	"runtime"
	"strconv"
	"testing"
)

// Run runs a package's tests, twice as many at once as there are processors: tests that start
// servers and processes wait more than they work. A -parallel on the command line counts instead.
func Run(m *testing.M) int {
	const parallel = "test.parallel"
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == parallel })
	if !given {
		if err := flag.Set(parallel, strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
			panic(err)
		}
	}
	return m.Run()
}
