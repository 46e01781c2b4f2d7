package console

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/bulk"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
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
		if _, known := read[english][key]; !known && !saidElsewhere(key) {
			t.Errorf("%s is not in English", key)
		}
	}
}

// saidElsewhere reports whether a text is of what itself says it in English.
func saidElsewhere(key string) bool {
	file, _, _ := strings.Cut(key, ".")
	return slices.Contains([]string{"because", "remedy", "differed"}, file)
}

// TestDifferencesInChinese: each reason for which a bulk change leaves a task has a text.
func TestDifferencesInChinese(t *testing.T) {
	t.Parallel()
	said, err := readTexts(chinese)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, d := range []bulk.Difference{bulk.Gone, bulk.Changed, bulk.Refused, bulk.Unclear} {
		there["differed."+string(d)] = true
		text := said.differed(chinese, bulk.Differed{What: d, Is: "failed isv.X", Was: "queued "})
		if !said.has("differed."+string(d)) || strings.Contains(text, "%") || d == bulk.Changed && !strings.Contains(text, "isv.X") {
			t.Errorf("%s is said as %s", d, text)
		}
	}
	for key := range said {
		if strings.HasPrefix(key, "differed.") && !there[key] {
			t.Errorf("%s says what no difference does", key)
		}
	}
}

// TestExplanationsInChinese: each clause of which an explanation may be made has a text, which
// takes its values, and there are no others.
func TestExplanationsInChinese(t *testing.T) {
	t.Parallel()
	said, err := readTexts(chinese)
	if err != nil {
		t.Fatal(err)
	}
	because, remedies := tasks.Clauses()
	there := map[string]bool{}
	for prefix, clauses := range map[string][]tasks.Clause{"because": because, "remedy": remedies} {
		for _, c := range clauses {
			key := prefix + "." + c.Name
			there[key] = true
			if text := said.clause(prefix, c); !said.has(key) || strings.Contains(text, "%") {
				t.Errorf("%s of %q is said as %s", key, c.Values, text)
			}
		}
	}
	for key := range said {
		if saidElsewhere(key) && !strings.HasPrefix(key, "differed.") && !there[key] {
			t.Errorf("%s says what no explanation does", key)
		}
	}
	e := tasks.Explanation{
		Why: "it is so; its queue is paused", Reasons: []tasks.Clause{{Name: "pending"}, {Name: "paused"}},
		Remedies: []tasks.Clause{{Name: "resume", Values: []string{"bind"}}}, Remedy: "dyplsq resume bind",
	}
	if why, want := said.why(chinese, e), said["because.pending"]+"；"+said["because.paused"]+"。"; why != want {
		t.Errorf("%s, want %s", why, want)
	}
	if why := said.why(english, e); why != "It is so; its queue is paused." {
		t.Error(why)
	}
	if remedy := said.remedy(chinese, e); remedy != "dyplsq resume bind" {
		t.Error(remedy)
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
