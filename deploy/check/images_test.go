package check

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// TestPinImages: by deploy/pin-images and a registry, each image of Dockerfile and
// docker-compose.yml that is not ours is named by the digest that its tag has, and later by that of
// the tag's next image; where one cannot be found nothing is written.
func TestPinImages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	names := []string{"Dockerfile", "docker-compose.yml"}
	for _, name := range names {
		text := regexp.MustCompile(`@sha256:[0-9a-f]{64}`).ReplaceAllString(file(t, "../../"+name), "")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	mirror := strings.TrimPrefix(server.URL, "http://") + "/hub"
	pin := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "../pin-images", args...)
		cmd.Env = append(os.Environ(), "PIN_IN="+dir, "MIRROR="+mirror)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	push := func(image string) (digest string) {
		t.Helper()
		made, err := random.Image(16, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := crane.Push(made, image); err != nil {
			t.Fatal(err)
		}
		of, err := made.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return of.String()
	}
	all := func() string { return file(t, filepath.Join(dir, names[0])) + file(t, filepath.Join(dir, names[1])) }

	before := all()
	if out, err := pin("--check"); err == nil || !strings.Contains(out, "redis:7-alpine") {
		t.Errorf("what goes by its tag is not named: %v\n%s", err, out)
	}
	if out, err := pin(); err == nil || all() != before {
		t.Errorf("an image that is not there: %v\n%s", err, out)
	}
	images := regexp.MustCompile(`(?m)^(?:FROM| +image:) (\S+)`).FindAllStringSubmatch(before, -1)
	digests := map[string]string{}
	for _, found := range images {
		image := found[1]
		if image == "dyplsq:local" {
			continue
		}
		at := mirror + "/" + image
		if !strings.Contains(image, "/") {
			at = mirror + "/library/" + image
		}
		digests[image] = push(at)
	}
	for range 2 {
		if out, err := pin(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		after := all()
		for image, digest := range digests {
			if !strings.Contains(after, " "+image+"@"+digest) {
				t.Errorf("%s is not pinned by %s", image, digest)
			}
		}
		if got := regexp.MustCompile(`@sha256:[0-9a-f]{64}`).ReplaceAllString(after, ""); got != before {
			t.Error("more than the images was changed")
		}
		if out, err := pin("--check"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		digests["redis:7-alpine"] = push(mirror + "/library/redis:7-alpine") // a newer one
	}
}
