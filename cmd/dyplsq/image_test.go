package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestImageHasItsSources: .dockerignore lets through all that the program is compiled from, and no
// other directory.
func TestImageHasItsSources(t *testing.T) {
	t.Parallel()
	var let []string
	for line := range strings.Lines(repositoryFile(t, ".dockerignore")) {
		if name, is := strings.CutPrefix(strings.TrimSpace(line), "!"); is && path.Ext(name) == "" {
			let = append(let, name)
		}
	}
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=Dir,EmbedFiles,Module", "./cmd/dyplsq")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	for packages := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			Dir        string
			EmbedFiles []string
			Module     *struct{ Main bool }
		}
		if err := packages.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module == nil || !p.Module.Main {
			continue
		}
		inside, err := filepath.Rel(root, p.Dir)
		if err != nil {
			t.Fatal(err)
		}
		inside = filepath.ToSlash(inside)
		top, _, _ := strings.Cut(inside, "/")
		read = append(read, top)
		for _, file := range append(p.EmbedFiles, inside) {
			if slices.Contains(strings.Split(file, "/"), "testdata") {
				t.Errorf("%s is left out as a test's, and compiled", path.Join(inside, file))
			}
		}
	}
	slices.Sort(read)
	read = slices.Compact(read)
	slices.Sort(let)
	if !slices.Equal(let, read) {
		t.Errorf(".dockerignore lets %v through, and the program is compiled from %v", let, read)
	}
}
