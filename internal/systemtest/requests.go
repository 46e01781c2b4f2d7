package systemtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// Pools of the simulator's beside its default one, by how X is found.
const (
	NamedPool  = "FC100000000002" // binds into it name their X
	ChosenPool = "FC100000000003" // the platform picks
	OwnPool    = "FC100000000004" // has an inventory
)

// Bind is a BindAxn request as JSON.
func Bind(number int, more string) string {
	return fmt.Sprintf(
		`{"PoolKey":%q,"PhoneNoA":"139%08d","Expiration":"2099-01-31 23:59:59"%s}`,
		dyplstest.DefaultPoolKey,
		number,
		more,
	)
}

// PoolOf is the pool of the i-th task, where half of the tasks name their X and the others do not.
func PoolOf(i int) string {
	return []string{NamedPool, OwnPool, NamedPool, ChosenPool}[i%4]
}

// TwoPools are the pool of binds that leave X to the platform, and that of binds that name it:
// there nobody else takes an X.
func TwoPools(numbers int) []dyplstest.Pool {
	return []dyplstest.Pool{
		{
			Key:     dyplstest.DefaultPoolKey,
			Numbers: dyplstest.Numbers("170", numbers),
		},
		{Key: NamedPool, Numbers: dyplstest.Numbers("171", numbers)},
	}
}

// NamedBind is a request as JSON that names an X of its own of [TwoPools].
func NamedBind(number int, more string) string {
	x := dyplstest.Numbers("171", number+1)[number]
	return strings.Replace(
		Bind(number, fmt.Sprintf(`,"PhoneNoX":%q%s`, string(x), more)),
		dyplstest.DefaultPoolKey,
		NamedPool,
		1,
	)
}

// NamedJobs are the lines of job-0, job-1 and so on, each with an X of its own.
func NamedJobs(jobs int) string {
	var lines strings.Builder
	for i := range jobs {
		fmt.Fprintln(&lines, NamedBind(i, fmt.Sprintf(`,"TaskID":"job-%d"`, i)))
	}
	return lines.String()
}

// JobsFile is a file of the lines of job-0, job-1 and so on, which leave X to the platform.
func JobsFile(t *testing.T, jobs int) string {
	t.Helper()
	var lines bytes.Buffer
	for i := range jobs {
		fmt.Fprintln(&lines, Bind(i, fmt.Sprintf(`,"TaskID":"job-%d"`, i)))
	}
	name := filepath.Join(t.TempDir(), "jobs.jsonl")
	if err := os.WriteFile(name, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
