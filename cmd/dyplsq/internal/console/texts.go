package console

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// The texts of the pages, a folder for each language. A text's key begins with the
// name of its file. It may hold verbs of package fmt. One with a number has, beside
// KEY, KEY.one for exactly one.
//
//go:embed texts
var textFiles embed.FS

// texts are those of one language, by key.
type texts map[string]string

func readTexts(l language) (texts, error) {
	found := texts{}
	folder := "texts/" + string(l)
	files, err := fs.ReadDir(textFiles, folder)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := textFiles.ReadFile(folder + "/" + file.Name())
		if err != nil {
			return nil, err
		}
		var some texts
		if err := json.Unmarshal(data, &some); err != nil {
			return nil, fmt.Errorf("%s of %s: %w", file.Name(), l, err)
		}
		for key, text := range some {
			if !strings.HasPrefix(key, strings.TrimSuffix(file.Name(), path.Ext(file.Name()))+".") {
				return nil, fmt.Errorf("%s of %s: %s belongs to another file", file.Name(), l, key)
			}
			found[key] = text
		}
	}
	return found, nil
}

// say returns a text, with what stands for its verbs. One that is not there shows its key.
func (t texts) say(key string, args ...any) string {
	text, known := t[key]
	switch {
	case !known:
		return key
	case len(args) == 0:
		return text
	}
	return fmt.Sprintf(text, args...)
}

// has reports whether there is such a text.
func (t texts) has(key string) bool {
	_, known := t[key]
	return known
}

// count returns a text about a number, which is its verb %s.
func (t texts) count(key string, n int64) string {
	if n == 1 && t.has(key+".one") {
		return t.say(key+".one", number(n))
	}
	return t.say(key, number(n))
}

// either is the text of a key, or a word as it is where there is none.
func (t texts) either(prefix, word string) string {
	if t.has(prefix + "." + word) {
		return t[prefix+"."+word]
	}
	return word
}
