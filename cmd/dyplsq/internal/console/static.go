package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var staticFiles embed.FS

const staticRoot = Root + "static/"

// staticPath is the address of one of our files. It changes with what is in the file, so that
// browsers may keep it.
func staticPath(name string) (string, error) {
	data, err := staticFiles.ReadFile("static/" + name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	const enough = 8
	return staticRoot + name + "?v=" + hex.EncodeToString(sum[:enough]), nil
}

// static serves our files.
func (*Console) static(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, staticRoot)
	data, err := staticFiles.ReadFile("static/" + name)
	kind, known := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".svg": "image/svg+xml",
	}[path.Ext(name)]
	if err != nil || !known {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "private, max-age=86400")
	w.Header().Set("Content-Type", kind)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}
