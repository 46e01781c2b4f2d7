package check

import (
	"fmt"
	"os"
	"strings"
	"testing"

	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	podsecurity "k8s.io/pod-security-admission/api"
	standards "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// objects are what a text of several documents is about.
type objects struct {
	accounts    map[string]core.ServiceAccount
	deployments map[string]apps.Deployment
	services    map[string]core.Service
	budgets     map[string]policy.PodDisruptionBudget
	policies    map[string]networking.NetworkPolicy
	monitors    map[string]monitoring.ServiceMonitor
	scaled      map[string]keda.ScaledObject
}

// decode reads them strictly: a field that its API does not have is an
// error, as it is with kubectl.
func decode(t *testing.T, text string) objects {
	t.Helper()
	o := objects{
		map[string]core.ServiceAccount{}, map[string]apps.Deployment{}, map[string]core.Service{}, map[string]policy.PodDisruptionBudget{},
		map[string]networking.NetworkPolicy{}, map[string]monitoring.ServiceMonitor{}, map[string]keda.ScaledObject{},
	}
	for _, document := range documents(text) {
		var of struct {
			meta.TypeMeta `json:",inline"`
			Metadata      meta.ObjectMeta `json:"metadata"`
		}
		if err := yaml.Unmarshal([]byte(document), &of); err != nil {
			t.Fatalf("%v:\n%s", err, document)
		}
		var err error
		switch name := of.Metadata.Name; of.APIVersion + " " + of.Kind {
		case "v1 ServiceAccount":
			err = into(document, name, o.accounts)
		case "apps/v1 Deployment":
			err = into(document, name, o.deployments)
		case "v1 Service":
			err = into(document, name, o.services)
		case "policy/v1 PodDisruptionBudget":
			err = into(document, name, o.budgets)
		case "networking.k8s.io/v1 NetworkPolicy":
			err = into(document, name, o.policies)
		case "monitoring.coreos.com/v1 ServiceMonitor":
			err = into(document, name, o.monitors)
		case "keda.sh/v1alpha1 ScaledObject":
			err = into(document, name, o.scaled)
		default:
			t.Errorf("nobody checks %s %s", of.APIVersion, of.Kind)
		}
		if err != nil {
			t.Errorf("%s %s: %v\n%s", of.Kind, of.Metadata.Name, err, document)
		}
	}
	return o
}

func into[T any](document, name string, all map[string]T) error {
	if problems := validation.IsDNS1123Label(name); problems != nil {
		return fmt.Errorf("its name: %v", problems)
	}
	if _, twice := all[name]; twice {
		return fmt.Errorf("there are two of %s", name)
	}
	var object T
	err := yaml.UnmarshalStrict([]byte(document), &object)
	all[name] = object
	return err
}

// TestObjects: whatever is rendered is what its API takes, in the examples
// and with every value set.
func TestObjects(t *testing.T) {
	t.Parallel()
	all := map[string]string{"everything": together(rendered(t, file(t, "testdata/values.yaml")))}
	for _, component := range components {
		all[component] = file(t, "../kubernetes/"+component+".yaml")
	}
	for name, text := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := decode(t, text)
			want := 1
			if name == "everything" {
				want = len(components)
				if len(o.monitors) != 3 || len(o.scaled) != 1 {
					t.Errorf("%d monitors and %d scaled objects", len(o.monitors), len(o.scaled))
				}
			}
			if len(o.deployments) != want || len(o.services) != want || len(o.accounts) != want || len(o.budgets) != want || len(o.policies) != want {
				t.Errorf("%d deployments, %d services, %d accounts, %d budgets, %d policies; want %d of each",
					len(o.deployments), len(o.services), len(o.accounts), len(o.budgets), len(o.policies), want)
			}
			for name, d := range o.deployments {
				checkPod(t, d.Spec.Template)
				o.checkBelongs(t, name, d)
			}
		})
	}
}

var components = []string{"worker", "receive", "serve", "dash"}

// checkPod checks a pod against Kubernetes' own restricted standard, and what that leaves open.
func checkPod(t *testing.T, pod core.PodTemplateSpec) {
	t.Helper()
	evaluator, err := standards.NewEvaluator(standards.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	if result := standards.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec)); !result.Allowed {
		t.Errorf("the restricted standard forbids it: %s", result.ForbiddenDetail())
	}
	if pod.Spec.AutomountServiceAccountToken == nil || *pod.Spec.AutomountServiceAccountToken {
		t.Error("it is given a token of Kubernetes")
	}
	names := map[string]bool{}
	for _, volume := range pod.Spec.Volumes {
		names[volume.Name] = true
	}
	for _, c := range pod.Spec.Containers {
		if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
			t.Errorf("%s may write to its own image", c.Name)
		}
		if c.Resources.Limits.Memory().IsZero() {
			t.Errorf("%s has no limit of memory", c.Name)
		}
		if c.LivenessProbe == nil || c.ReadinessProbe == nil {
			t.Errorf("%s has no probes", c.Name)
		}
		for _, mount := range c.VolumeMounts {
			if !names[mount.Name] {
				t.Errorf("%s mounts %s, which is no volume", c.Name, mount.Name)
			}
		}
		given := map[string]bool{}
		for _, env := range c.Env {
			if given[env.Name] {
				t.Errorf("%s is given %s twice", c.Name, env.Name)
			}
			given[env.Name] = true
		}
	}
}

// checkBelongs: what stands beside a deployment selects its pods, and nothing else.
func (o objects) checkBelongs(t *testing.T, name string, d apps.Deployment) {
	t.Helper()
	pod := labels.Set(d.Spec.Template.Labels)
	selectors := map[string]*meta.LabelSelector{"the deployment": d.Spec.Selector}
	if b, is := o.budgets[name]; is {
		selectors["the budget"] = b.Spec.Selector
	}
	if p, is := o.policies[name]; is {
		selectors["the policy"] = &p.Spec.PodSelector
		checkPolicy(t, p)
	}
	if s, is := o.services[name]; is {
		selectors["the service"] = &meta.LabelSelector{MatchLabels: s.Spec.Selector}
	}
	if m, is := o.monitors[name]; is {
		selector, err := meta.LabelSelectorAsSelector(&m.Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(o.services[name].Labels)) {
			t.Errorf("the monitor of %s selects another service: %v", name, err)
		}
	}
	for what, s := range selectors {
		selector, err := meta.LabelSelectorAsSelector(s)
		if err != nil || !selector.Matches(pod) {
			t.Errorf("%s of %s does not select its pods: %v", what, name, err)
		}
		for other, another := range o.deployments {
			if err == nil && other != name && selector.Matches(labels.Set(another.Spec.Template.Labels)) {
				t.Errorf("%s of %s selects the pods of %s, too", what, name, other)
			}
		}
	}
	if d.Spec.Template.Spec.ServiceAccountName != name || o.accounts[name].AutomountServiceAccountToken == nil {
		t.Errorf("%s has the service account %s", name, d.Spec.Template.Spec.ServiceAccountName)
	}
}

// checkPolicy: what a policy does not name is let neither in nor out.
func checkPolicy(t *testing.T, p networking.NetworkPolicy) {
	t.Helper()
	if len(p.Spec.PolicyTypes) != 2 {
		t.Errorf("the policy of %s is for %v alone", p.Name, p.Spec.PolicyTypes)
	}
	for _, rule := range p.Spec.Ingress {
		if len(rule.From) == 0 || len(rule.Ports) == 0 {
			t.Errorf("the policy of %s lets anybody in, or to any port", p.Name)
		}
	}
	for _, rule := range p.Spec.Egress {
		if len(rule.Ports) == 0 {
			t.Errorf("the policy of %s lets out to any port", p.Name)
		}
	}
}

// TestScaledByKEDA: KEDA alone says how many workers there are, by the gauge that workers tell, and
// one is always there to tell it.
func TestScaledByKEDA(t *testing.T) {
	t.Parallel()
	o := decode(t, together(rendered(t, "keda: {enabled: true, minReplicas: 0}")))
	scaled, worker := o.scaled["dyplsq-worker"], o.deployments["dyplsq-worker"]
	if worker.Spec.Replicas != nil {
		t.Errorf("the deployment says %d, too", *worker.Spec.Replicas)
	}
	if scaled.Spec.ScaleTargetRef == nil || scaled.Spec.ScaleTargetRef.Name != worker.Name || scaled.Spec.MinReplicaCount == nil || *scaled.Spec.MinReplicaCount != 1 {
		t.Errorf("%+v", scaled.Spec)
	}
	trigger := scaled.Spec.Triggers[0]
	metrics, err := os.ReadFile("../../cmd/dyplsq/internal/metrics/wanted.go")
	if err != nil {
		t.Fatal(err)
	}
	if trigger.Type != "prometheus" || trigger.Metadata["query"] != "max(dyplsq_wanted_workers)" || !strings.Contains(string(metrics), `"dyplsq_wanted_workers"`) {
		t.Errorf("%+v", trigger)
	}
	if o := decode(t, together(rendered(t, ""))); len(o.scaled) != 0 || len(o.monitors) != 0 {
		t.Error("KEDA or a monitor is on by default")
	}
}

// TestNetworkPolicies: what each component may reach, and who it.
func TestNetworkPolicies(t *testing.T) {
	t.Parallel()
	o := decode(t, together(rendered(t, "{receive: {enabled: true}, serve: {enabled: true}, dash: {enabled: true}}")))
	for name, want := range map[string]struct{ in, out string }{
		"dyplsq-worker":  {"9464", "53 53 6379 443"},
		"dyplsq-receive": {"9464 8090", "53 53 6379"},
		"dyplsq-serve":   {"9464 8070", "53 53 6379"},
		"dyplsq-dash":    {"8080", "53 53 6379"},
	} {
		var in, out []string
		for _, rule := range o.policies[name].Spec.Ingress {
			for _, port := range rule.Ports {
				in = append(in, port.Port.String())
			}
		}
		for _, rule := range o.policies[name].Spec.Egress {
			for _, port := range rule.Ports {
				out = append(out, port.Port.String())
			}
		}
		if got := strings.Join(in, " "); got != want.in {
			t.Errorf("%s is reached at %s, want %s", name, got, want.in)
		}
		if got := strings.Join(out, " "); got != want.out {
			t.Errorf("%s reaches %s, want %s", name, got, want.out)
		}
	}
	if o := decode(t, together(rendered(t, "networkPolicy: {enabled: false}"))); len(o.policies) != 0 {
		t.Error("a policy that is switched off is there")
	}
}
