package console

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var verb = regexp.MustCompile(`%(\[\d+\])?[a-z]`)

// TestTextsOfBothLanguages: whatever one language says, the other says, with the same verbs; and
// each text is used somewhere.
func TestTextsOfBothLanguages(t *testing.T) {
	t.Parallel()
	read := map[language]texts{}
	for _, l := range languages {
		var err error
		if read[l], err = readTexts(l); err != nil {
			t.Fatal(err)
		}
	}
	for key, text := range read[english] {
		other, known := read[chinese][key]
		switch {
		case !known:
			t.Errorf("%s is not in Chinese", key)
		case text == "" || other == "":
			t.Errorf("%s is empty", key)
		case !slices.Equal(sorted(verb.FindAllString(text, -1)), sorted(verb.FindAllString(other, -1))):
			t.Errorf("%s: %q and %q have not the same verbs", key, text, other)
		}
	}
	for key := range read[chinese] {
		if _, known := read[english][key]; !known {
			t.Errorf("%s is not in English", key)
		}
	}
}

func sorted(words []string) []string {
	slices.Sort(words)
	return words
}

// TestPagesSayNothingElse: each text that a page names exists, and each page is drawn in each
// language from our own files alone: no script, style or handler stands in it.
func TestPagesSayNothingElse(t *testing.T) {
	t.Parallel()
	shelf, err := newShelf(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\(?\btn? "([a-z0-9.]+)"`)
	inline := regexp.MustCompile(`(?i)<style|<script(?:>| [^s])| style="| on[a-z]+="|https?://`)
	for _, file := range files {
		data, err := templateFiles.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(data), -1) {
			if !shelf.texts[english].has(m[1]) {
				t.Errorf("%s: there is no text %s", file, m[1])
			}
		}
		if found := inline.FindString(string(data)); found != "" {
			t.Errorf("%s holds %q, which the policy forbids", file, found)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")
		if file != layoutFile && file != partsFile && !shelf.texts[english].has(name+".title") {
			t.Errorf("%s has no text %s.title", file, name)
		}
	}
	for _, n := range navigation {
		if !shelf.texts[english].has("common.nav." + n.name) {
			t.Errorf("there is no text common.nav.%s", n.name)
		}
	}
}
