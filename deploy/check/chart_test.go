package check

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
)

var update = flag.Bool("update", false, "write the examples and goldens anew")

func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func rendered(t *testing.T, values string) map[string]string {
	t.Helper()
	files, err := Render(t.Context(), values)
	if err != nil {
		t.Fatalf("%v\nwith the values\n%s", err, values)
	}
	return files
}

// same compares what was rendered with a file, or writes it.
func same(t *testing.T, name, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if file(t, name) != text {
		t.Errorf("%s is not what the chart makes: go test . -update writes it", name)
	}
}

// byHelm are the labels that tell Helm its own objects.
var byHelm = regexp.MustCompile(`(?m)^ +(app\.kubernetes\.io/managed-by|helm\.sh/chart): .*\n`)

// TestExamples: each file in deploy/kubernetes is what the chart makes of one component, so that
// both have the same settings and the same hardening.
func TestExamples(t *testing.T) {
	t.Parallel()
	const directory = "../kubernetes/"
	for component, before := range map[string]string{
		"worker": "kubectl create secret generic dyplsq-redis --from-literal=REDIS_URL=...\n" +
			"#   kubectl create secret generic dyplsq-credentials --from-literal=ALIBABA_CLOUD_ACCESS_KEY_ID=... \\\n" +
			"#     --from-literal=ALIBABA_CLOUD_ACCESS_KEY_SECRET=...",
		"receive": "kubectl create secret generic dyplsq-redis --from-literal=REDIS_URL=...\n" +
			"#   kubectl create secret generic dyplsq-receive --from-file=receipts=receipts.secret",
		"serve": "kubectl create secret generic dyplsq-redis --from-literal=REDIS_URL=...\n" +
			"#   kubectl create secret generic dyplsq-serve --from-file=tokens",
		"dash": "kubectl create secret generic dyplsq-redis --from-literal=REDIS_URL=...\n" +
			"#   kubectl create secret generic dyplsq-dash --from-file=htpasswd",
	} {
		files := rendered(t, "{worker: {enabled: false}, "+component+": {enabled: true}}")
		for _, other := range []string{"worker", "receive", "serve", "dash"} {
			if (files[other+".yaml"] != "") != (other == component) {
				t.Errorf("of %s alone, %s.yaml is %q", component, other, files[other+".yaml"])
			}
		}
		text := "# What the Helm chart in deploy/helm/dyplsq makes of `" + component + "` with its own values, for those without Helm; they are explained in\n" +
			"# its values.yaml. Before:\n#   " + before + "\n" + byHelm.ReplaceAllString(strings.TrimLeft(files[component+".yaml"], "\n"), "")
		same(t, directory+component+".yaml", strings.TrimRight(text, "\n")+"\n")
	}
	written, err := os.ReadDir(directory)
	if err != nil || len(written) != 4 {
		t.Errorf("%v has other files, too: %v", written, err)
	}
}

// TestEverything: with every value set, and what that comes to.
func TestEverything(t *testing.T) {
	t.Parallel()
	same(t, "testdata/everything.yaml", together(rendered(t, file(t, "testdata/values.yaml"))))
}

// TestLint: Helm's own rules hold.
func TestLint(t *testing.T) {
	t.Parallel()
	linter := lint.RunAll(chartDirectory, map[string]any{}, "default")
	for _, m := range linter.Messages {
		if m.Severity > support.InfoSev {
			t.Error(m)
		}
	}
}

// TestRefused: a value that is misspelt, or missing, is told, and not ignored.
func TestRefused(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		"{redis: {secret: {name: ''}}}":              "redis.secret.name",
		"{worker: {accounts: {names: [shop]}}}":      "worker.accounts.secret",
		"{worker: {replica: 3}}":                     "replica",
		"{keys: {secretName: dyplsq-keys}}":          "secretName",
		"{networkpolicy: {enabled: false}}":          "networkpolicy",
		"{keda: {enabled: true, maxReplicas: many}}": "maxReplicas",
		"{image: {digest: 'latest'}}":                "digest",
		"{worker: {env: {DYPLSQ_CONCURRENCY: [1]}}}": "DYPLSQ_CONCURRENCY",
	} {
		if _, err := Render(t.Context(), values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a word of %s", values, err, want)
		}
	}
}

// TestDigestWins: an image that is pinned is never asked for by its tag.
func TestDigestWins(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("ab", 32)
	worker := rendered(t, "{image: {repository: registry.example/dyplsq, tag: v1, digest: '"+digest+"'}}")["worker.yaml"]
	if !strings.Contains(worker, "image: registry.example/dyplsq@"+digest+"\n") {
		t.Error(worker)
	}
}
