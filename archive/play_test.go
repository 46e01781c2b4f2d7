package archive

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// checkPlayed checks that a browser gets all of an object, and each part of it that it asks for.
func checkPlayed(t *testing.T, s Store, name, text string) {
	t.Helper()
	location := s.Location(name)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := NewPlayer(r.Context(), s, location)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer func() { _ = p.Close() }()
		w.Header().Set("Content-Type", p.ContentType())
		http.ServeContent(w, r, "", time.Time{}, p)
	}))
	defer server.Close()
	for asked, want := range map[string]string{
		"": text, "bytes=0-": text, "bytes=2-": text[2:], "bytes=1-2": text[1:3], "bytes=-2": text[len(text)-2:],
		"bytes=1000-": "",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if asked != "" {
			request.Header.Set("Range", asked)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		status := map[bool]int{true: http.StatusOK, false: http.StatusPartialContent}[asked == ""]
		if want == "" {
			status, got = http.StatusRequestedRangeNotSatisfiable, nil
		}
		if err != nil || string(got) != want || answer.StatusCode != status {
			t.Errorf("%q: %d with %q, %v", asked, answer.StatusCode, got, err)
		}
		if kind := answer.Header.Get("Content-Type"); want != "" && kind != "audio/mpeg" {
			t.Errorf("%q: it is %s", asked, kind)
		}
	}
	for _, elsewhere := range []string{
		"", "/", s.Location(""), s.Location("") + "/", s.Location("") + "/../x", "file:///etc/passwd", "oss://other/" + name,
		s.Location("") + "/a//b", s.Location("") + "/./" + name, location + "/", location[:len(location)-1],
	} {
		if p, err := NewPlayer(t.Context(), s, elsewhere); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v, %v", elsewhere, p, err)
		}
	}
}

// TestPlayerSeeks: a player reads on from wherever it was put, and no
// place is before the beginning.
func TestPlayerSeeks(t *testing.T) {
	t.Parallel()
	s, err := Open("file://" + t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const text = "0123456789"
	if err = s.Put(t.Context(), "a.wav", bytes.NewReader([]byte(text)), int64(len(text))); err != nil {
		t.Fatal(err)
	}
	p, err := NewPlayer(t.Context(), s, s.Location("a.wav"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	read := func() string {
		t.Helper()
		two := make([]byte, 2)
		n, err := io.ReadFull(p, two)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		return string(two[:n])
	}
	for _, step := range []struct {
		offset int64
		whence int
		want   string
	}{
		{0, io.SeekCurrent, "01"}, {0, io.SeekCurrent, "23"}, {1, io.SeekStart, "12"}, {-1, io.SeekEnd, "9"},
		{0, io.SeekEnd, ""}, {0, io.SeekStart, "01"}, {3, io.SeekCurrent, "56"}, {20, io.SeekStart, ""},
	} {
		if _, err := p.Seek(step.offset, step.whence); err != nil {
			t.Fatal(err)
		}
		if got := read(); got != step.want {
			t.Errorf("%+v: %q", step, got)
		}
	}
	if _, err := p.Seek(-1, io.SeekStart); err == nil {
		t.Error("a place before the beginning")
	}
	if p.ContentType() != "audio/wav" || p.Size() != int64(len(text)) {
		t.Errorf("%s, %d bytes", p.ContentType(), p.Size())
	}
}
