package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

// variable is the name of a setting in the environment.
var variable = regexp.MustCompile(`\b(?:DYPLSQ|REDIS|ALIBABA_CLOUD)_[A-Z0-9_]*[A-Z0-9]\b`)

func repositoryFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// forTraces are the variables of OpenTelemetry that are passed on; its SDK reads others, too.
var forTraces = map[string]bool{
	"OTEL_EXPORTER_OTLP_ENDPOINT": true, "OTEL_EXPORTER_OTLP_HEADERS": true, "OTEL_RESOURCE_ATTRIBUTES": true,
	"OTEL_SDK_DISABLED": true, "OTEL_TRACES_SAMPLER": true, "OTEL_TRACES_SAMPLER_ARG": true,
}

// environment is what each command reads from the environment: the twins of its flags, the ceilings
// of actions, and what credentials and the way to the API are looked up by.
func environment(t *testing.T) map[string]map[string]bool {
	t.Helper()
	chain := map[string]bool{"HTTPS_PROXY": true, "NO_PROXY": true}
	sources, err := filepath.Glob(filepath.Join("..", "..", "aliyun", "*credential*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range sources {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range variable.FindAllString(string(data), -1) {
			chain[name] = true
		}
	}
	if len(chain) < 10 {
		t.Fatalf("only %v are read for credentials: the test looks in the wrong files", chain)
	}
	commands := map[string]map[string]bool{}
	for _, leaf := range newTestParser(t).Model.Leaves(false) {
		reads := map[string]bool{}
		for _, flag := range slices.Concat(leaf.AllFlags(false)...) {
			for _, name := range flag.Envs {
				reads[name] = true
			}
			switch flag.Name {
			case "endpoint", "receipts-queue":
				maps.Copy(reads, chain)
			case "archive": // OSS takes Alibaba's chain, S3 these
				maps.Copy(reads, chain)
				for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
					reads[name] = true
				}
			case "qps":
				for _, action := range dypls.QuotaActions() {
					reads[qpsVariable+strings.ToUpper(action)] = true
				}
			}
		}
		if slices.Contains([]string{"worker", "receive", "serve"}, leaf.Name) {
			maps.Copy(reads, forTraces)
		}
		commands[leaf.Name] = reads
	}
	return commands
}

// everything is what any command reads.
func everything(commands map[string]map[string]bool) map[string]bool {
	all := map[string]bool{}
	for _, reads := range commands {
		maps.Copy(all, reads)
	}
	return all
}

// settingsTable are the variables in the tables of a page.
func settingsTable(t *testing.T, file string) []string {
	t.Helper()
	var names []string
	for line := range strings.Lines(repositoryFile(t, file)) {
		if strings.HasPrefix(line, "| `") {
			cell := strings.SplitN(line, "|", 3)[1] //nolint:mnd // before, first cell, rest
			names = append(names, variable.FindAllString(strings.ReplaceAll(cell, "`…_SECRET`", "`ALIBABA_CLOUD_ACCESS_KEY_SECRET`"), -1)...)
		}
	}
	slices.Sort(names)
	return names
}

// TestTablesOfSettingsAreWhatTheProgramReads: the program reads every setting that
// docs/configuration.md lists, in either language, and the page lists every setting that the
// program reads. The settings of the dashboard's access control are in docs/dashboard.md.
func TestTablesOfSettingsAreWhatTheProgramReads(t *testing.T) {
	t.Parallel()
	const page = "docs/configuration.md"
	commands := environment(t)
	table := settingsTable(t, page)
	if diff := cmp.Diff(table, settingsTable(t, "docs/zh-CN/configuration.md")); diff != "" {
		t.Errorf("the two languages differ (-en +zh):\n%s", diff)
	}
	read := everything(commands)
	for _, name := range table {
		if !read[name] {
			t.Errorf("%s lists %s, which no command reads", page, name)
		}
	}
	door := repositoryFile(t, "docs/dashboard.md")
	for name := range read {
		short := "…_" + strings.TrimPrefix(name, "DYPLSQ_DASH_")
		switch {
		case slices.Contains(table, name):
		case strings.HasPrefix(name, qpsVariable) && slices.Contains(table, "DYPLSQ_QPS_BINDAXN"):
		case strings.HasPrefix(name, "ALIBABA_CLOUD_") && slices.Contains(table, "ALIBABA_CLOUD_ACCESS_KEY_ID"): // "or another source of the chain"
		case strings.HasPrefix(name, "DYPLSQ_DASH_") && (strings.Contains(door, name) || strings.Contains(door, short)):
		case !strings.HasPrefix(name, "DYPLSQ_") && !strings.HasPrefix(name, "REDIS_") && strings.Contains(repositoryFile(t, page), "`"+name+"`"):
		default:
			t.Errorf("%s is read, and %s does not list it", name, page)
		}
	}
}

// TestSettingsHaveTwins: each flag of what runs for long has a variable of the same name,
// and each variable a flag.
func TestSettingsHaveTwins(t *testing.T) {
	t.Parallel()
	of := map[string]string{"account": "DYPLSQ_ACCOUNTS", "receipts-account": "DYPLSQ_ACCOUNT", "qps": ""} // a variable for each action
	for _, leaf := range newTestParser(t).Model.Leaves(false) {
		for _, flag := range slices.Concat(leaf.AllFlags(true)...) {
			name := strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
			want := []string{"DYPLSQ_" + name, "DYPLSQ_DASH_" + name, "DYPLSQ_SIM_" + name, "DYPLSQ_RECEIPTS_" + name, "DYPLSQ_SERVE_" + name, name}
			if own, special := of[flag.Name]; special && leaf.Name != "enqueue" && leaf.Name != "receive" {
				want = []string{own}
			}
			long := leaf.Name == "worker" || leaf.Name == "dash" || leaf.Name == "receive" || leaf.Name == "serve"
			switch {
			case len(flag.Envs) == 0 && long && flag.Name != "help" && flag.Name != "probe" && flag.Name != "qps":
				t.Errorf("%s --%s has no variable", leaf.Name, flag.Name)
			case len(flag.Envs) > 0 && !slices.Contains(want, flag.Envs[0]):
				t.Errorf("%s --%s has the variable %v, want one of %v", leaf.Name, flag.Name, flag.Envs, want)
			}
		}
	}
}

// composeEnvironment are the variables that docker-compose.yml gives a service: of the file as it
// stands, since what is not set in the environment must be passed on, too.
func composeEnvironment(t *testing.T, service string) map[string]bool {
	t.Helper()
	blocks := map[string][]string{} // lines by the key at the left that they are under, and a service's name
	top, second := "", ""
	for line := range strings.Lines(repositoryFile(t, "docker-compose.yml")) {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch text := strings.TrimSpace(line); {
		case text == "" || strings.HasPrefix(text, "#"):
			continue
		case indent == 0:
			top, second = text, ""
		case indent == 2 && top == "services:":
			second = text
		}
		blocks[top+second] = append(blocks[top+second], line)
	}
	lines := blocks["services:"+service+":"]
	if lines == nil {
		t.Fatalf("docker-compose.yml has no service %s", service)
	}
	text := strings.Join(lines, "")
	if strings.Contains(text, "<<: *redis\n") {
		lines = append(lines, blocks["x-redis: &redis"]...)
	}
	given := map[string]bool{}
	key := regexp.MustCompile(`^ +([A-Z][A-Z0-9_]+):`)
	for _, line := range lines {
		if found := key.FindStringSubmatch(line); found != nil {
			given[found[1]] = true
		}
	}
	return given
}

// TestComposePassesEverySetting: what somebody exports as docs/configuration.md says is not dropped
// on the way into the container, and nothing is passed that is not read.
func TestComposePassesEverySetting(t *testing.T) {
	t.Parallel()
	commands := environment(t)
	for _, service := range []string{"worker", "dash", "receive", "serve"} {
		given, reads := composeEnvironment(t, service), commands[service]
		for _, name := range slices.Sorted(maps.Keys(reads)) {
			if !given[name] {
				t.Errorf("the service %s is not given %s, which it reads", service, name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if !reads[name] {
				t.Errorf("the service %s is given %s, which it does not read", service, name)
			}
		}
	}
}

// TestExamplesNameSettingsThatExist: an example that is copied with a misspelt or bygone setting
// would be silent about it.
func TestExamplesNameSettingsThatExist(t *testing.T) {
	t.Parallel()
	commands := environment(t)
	read := everything(commands)
	ours := map[string]bool{ // of docker-compose.yml itself, of tests that a page tells of, and of the programs in docs/clients
		"REDIS_PASSWORD": true, "REDIS_MAXMEMORY": true, "DYPLSQ_FAULTS": true, "DYPLSQ_QUEUED_TASKS": true, "DYPLSQ_URL": true, "DYPLSQ_TOKEN": true,
	}
	files := map[string]map[string]bool{
		"deploy/kubernetes/worker.yaml": commands["worker"], "deploy/systemd/dyplsq-worker.service": commands["worker"],
		"deploy/kubernetes/receive.yaml": commands["receive"], "deploy/systemd/dyplsq-receive.service": commands["receive"],
		"deploy/kubernetes/serve.yaml": commands["serve"], "deploy/systemd/dyplsq-serve.service": commands["serve"],
		"deploy/kubernetes/dash.yaml": commands["dash"], "deploy/systemd/dyplsq-dash.service": commands["dash"],
		"docker-compose.yml":             read,
		"deploy/helm/dyplsq/values.yaml": read, "deploy/helm/dyplsq/templates/_env.tpl": read, "deploy/check/testdata/values.yaml": read,
	}
	for _, command := range []string{"worker", "receive", "serve", "dash"} {
		files["deploy/helm/dyplsq/templates/"+command+".yaml"] = commands[command]
	}
	for _, page := range pages(t) {
		if page != "CONTRIBUTING.md" && page != "CHANGELOG.md" { // which tell of the tests' variables, and of bygone ones
			files[page] = read
		}
	}
	for file, of := range files {
		names := variable.FindAllString(repositoryFile(t, file), -1)
		if len(names) == 0 && !strings.HasSuffix(file, ".md") {
			t.Errorf("%s names no setting: the test looks for the wrong ones", file)
		}
		for _, name := range names {
			if !of[name] && !ours[name] {
				t.Errorf("%s names %s, which is not read", file, name)
			}
		}
	}
}

// TestSharedSettingsAreListed: docs/configuration.md lists the settings in which workers should not
// differ, in either language.
func TestSharedSettingsAreListed(t *testing.T) {
	t.Parallel()
	want := map[string]bool{}
	for name := range setting.Shared {
		switch {
		case name == setting.QPSVariable:
			want[name+"BINDAXN"] = true
		case strings.HasPrefix(name, "DYPLSQ_"):
			want[name] = true
		case !strings.Contains(repositoryFile(t, "docs/configuration.md"), "`"+name+"`"):
			t.Errorf("docs/configuration.md does not name %s", name)
		}
	}
	for page, heading := range map[string]string{
		"docs/configuration.md": "\n## Settings that all workers share\n", "docs/zh-CN/configuration.md": "\n## 所有 worker 应当一致的配置\n",
	} {
		_, section, _ := strings.Cut(repositoryFile(t, page), heading)
		section, _, _ = strings.Cut(section, "\n## ")
		listed := map[string]bool{}
		for line := range strings.Lines(section) {
			if strings.HasPrefix(line, "| `") {
				for _, name := range variable.FindAllString(strings.SplitN(line, "|", 3)[1], -1) { //nolint:mnd // before, first cell, rest
					listed[name] = true
				}
			}
		}
		if diff := cmp.Diff(want, listed); diff != "" {
			t.Errorf("%s (-want +listed):\n%s", page, diff)
		}
	}
}
