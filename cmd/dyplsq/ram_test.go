package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// ramPolicy is a policy as RAM takes it.
type ramPolicy struct {
	Version   string
	Statement []struct {
		Effect   string
		Action   []string
		Resource string
	}
}

// allowed are the actions that a policy of ours allows, sorted, and on what.
func allowed(t *testing.T, command string) (actions []string, resource string) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(repositoryFile(t, "deploy/ram/"+command+".json")))
	decoder.DisallowUnknownFields()
	var policy ramPolicy
	if err := decoder.Decode(&policy); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	if policy.Version != "1" || len(policy.Statement) != 1 || policy.Statement[0].Effect != "Allow" {
		t.Errorf("%s: %+v", command, policy)
	}
	actions = policy.Statement[0].Action
	for _, action := range actions {
		if strings.Contains(action, "*") {
			t.Errorf("%s allows %s: name each action", command, action)
		}
	}
	slices.Sort(actions)
	return actions, policy.Statement[0].Resource
}

// oneOfEach are requests of every kind of task. Most are refused: a call that is refused is a call.
var oneOfEach = map[string]string{
	"BindAxb":                    `{"PoolKey":"FC100000000001","PhoneNoA":"13800000001","PhoneNoB":"13800000002","Expiration":%q}`,
	"BindAxg":                    `{"PoolKey":"FC100000000001","PhoneNoA":"13800000001","GroupId":"g1","Expiration":%q}`,
	"BindAxn":                    `{"PoolKey":"FC100000000001","PhoneNoA":"13800000001","PhoneNoX":"17000000001","Expiration":%q}`,
	"BindAxnExtension":           `{"PoolKey":"FC100000000001","PhoneNoA":"13800000001","Expiration":%q}`,
	"UnbindSubscription":         `{"PoolKey":"FC100000000001","SubsId":"1000","SecretNo":"17000000002"}`,
	"UpdateSubscription":         `{"PoolKey":"FC100000000001","SubsId":"1000","PhoneNoX":"17000000002","OperateType":"updateNoA","PhoneNoA":"13800000003"}`,
	"QueryRecordFileDownloadUrl": `{"PoolKey":"FC100000000001","CallId":"c1","CallTime":%q}`,
}

// TestRAMPolicyOfWorkers: a worker that performs every kind of task, and looks up an earlier call
// of one, calls each action of deploy/ram/worker.json, and no other.
func TestRAMPolicyOfWorkers(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Action: "BindAxn", Do: dyplstest.AnswerCodeAfter, Code: "isp.SYSTEM_ERROR", First: 1}, // it has taken effect, as a look tells
	}})
	s.Worker(t)
	for _, kind := range tasks.Kinds() {
		request := oneOfEach[kind.Action()]
		if request == "" {
			t.Fatalf("there is no request of %s", kind.Action())
		}
		if strings.Contains(request, "%q") {
			at := time.Now().Add(time.Hour)
			if kind.Action() == "QueryRecordFileDownloadUrl" { // of a call that is over
				at = time.Now().Add(-time.Hour)
			}
			request = fmt.Sprintf(request, dypls.At(at).String())
		}
		if r := systemtest.Run(t, s.Env, "", "enqueue", kind.Action(), request); !slices.Contains([]int{statusOK, statusPending, statusFailed}, r.Status) {
			t.Fatalf("%s: %s", kind.Action(), r.Errors)
		}
	}
	want, resource := allowed(t, "worker")
	if resource != "*" {
		t.Errorf("it is for %s, and the API has no resources", resource)
	}
	called := map[string]bool{}
	redistest.Poll(t, time.Minute, "every action to be called", systemtest.Until(func() bool {
		for _, e := range s.Simulator.Ledger() {
			called["dypls:"+e.Action] = true
		}
		return len(called) >= len(want)
	}))
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(called))); diff != "" {
		t.Errorf("deploy/ram/worker.json allows and a worker calls (-allowed +called):\n%s", diff)
	}
}

// TestRAMPoliciesOfArchives: who keeps recordings in OSS may write and read them, who plays them
// may read them, and the archive asks OSS for nothing else.
func TestRAMPoliciesOfArchives(t *testing.T) {
	t.Parallel()
	calls := map[string]bool{}
	for _, found := range regexp.MustCompile(`\bclient\.([A-Z]\w+)\(`).FindAllStringSubmatch(repositoryFile(t, "archive/oss.go"), -1) {
		calls["oss:"+found[1]] = true // in RAM, both have the name of the call
	}
	for command, want := range map[string][]string{"receive": slices.Sorted(maps.Keys(calls)), "dash": {"oss:GetObject"}} {
		got, resource := allowed(t, command)
		if diff := cmp.Diff(want, got); diff != "" || resource != "acs:oss:*:*:BUCKET/PREFIX/*" {
			t.Errorf("%s, for %s (-called +allowed):\n%s", command, resource, diff)
		}
	}
	if files, err := filepath.Glob(filepath.Join(repository, "deploy/ram/*.json")); err != nil || len(files) != 3 {
		t.Errorf("nobody checks some of %v, %v", files, err)
	}
}
