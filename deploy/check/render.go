package check

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

const (
	chartDirectory = "../helm/dyplsq"
	releaseName    = "dyplsq"
)

// Render renders the chart with values, given as YAML, as `helm template` does. It returns what
// came of each template, by its file's name; templates that came to nothing are left out. Values
// that the chart's schema refuses are an error.
func Render(ctx context.Context, values string) (map[string]string, error) {
	c, err := loader.Load(chartDirectory)
	if err != nil {
		return nil, err
	}
	return render(ctx, c, values)
}

func render(ctx context.Context, c *chart.Chart, text string) (map[string]string, error) {
	given := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &given); err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	release := common.ReleaseOptions{
		Name: releaseName, Namespace: "default", Revision: 1, IsInstall: true,
	}
	values, err := util.ToRenderValues(c, given, release, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Engine{Strict: true}.RenderWithContext(ctx, c, values)
	if err != nil {
		return nil, err
	}
	made := map[string]string{}
	for name, text := range files {
		if strings.TrimSpace(text) != "" {
			made[path.Base(name)] = text
		}
	}
	return made, nil
}

// documents splits what was rendered into objects.
func documents(text string) (objects []string) {
	for object := range strings.SplitSeq("\n"+text, "\n---\n") {
		if strings.TrimSpace(object) != "" {
			objects = append(objects, object)
		}
	}
	return objects
}

// together is all that was rendered, by the names of its templates.
func together(files map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(name) == ".yaml" {
			b.WriteString("---\n" + strings.TrimPrefix(strings.TrimLeft(files[name], "\n"), "---\n"))
			if !strings.HasSuffix(files[name], "\n") {
				b.WriteByte('\n')
			}
		}
	}
	return b.String()
}
