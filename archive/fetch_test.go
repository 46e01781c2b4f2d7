package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

var recording = append([]byte("ID3\x04\x00\x00\x00\x00\x00\x0a"), bytes.Repeat([]byte("abcdefghij"), 20_000)...)

func checksum(body []byte) string { return strconv.FormatUint(crc64.Checksum(body, crcTable), 10) }

// whole answers with a body, of which it says the checksum of another.
func whole(body, said []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(crcHeader, checksum(said))
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
}

// cut answers with so many bytes of the whole, and then closes the connection.
func cut(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(crcHeader, checksum(recording))
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Length", strconv.Itoa(len(recording)))
		_, _ = w.Write(recording[:n])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// rest answers with what begins somewhere, whatever was asked for.
func rest(from int, etag string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", etag)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(recording)-1, len(recording)))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(recording[from:])
	}
}

func status(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) }
}

// TestDownloads: whatever a server does, what comes out is the whole recording, or an error.
func TestDownloads(t *testing.T) {
	t.Parallel()
	chunked := func(body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(body)
		}
	}
	all, page := whole(recording, recording), []byte("<html><body>log in</body></html>")
	for name, test := range map[string]struct {
		answers []http.HandlerFunc
		ranges  string // that were asked for
		links   int
		err     error
	}{
		"whole":                       {answers: []http.HandlerFunc{all}, ranges: "-", links: 1},
		"goes on after a cut":         {answers: []http.HandlerFunc{cut(70_000), rest(70_000, `"1"`)}, ranges: "- bytes=70000-", links: 1},
		"cut twice":                   {answers: []http.HandlerFunc{cut(1), cut(70_000), rest(70_000, `"1"`)}, ranges: "- bytes=1- bytes=70000-", links: 1},
		"the whole to a range":        {answers: []http.HandlerFunc{cut(70_000), all}, ranges: "- bytes=70000-", links: 1},
		"another part than asked for": {answers: []http.HandlerFunc{cut(70_000), rest(60_000, `"1"`), all}, ranges: "- bytes=70000- -", links: 1},
		"a part of another file":      {answers: []http.HandlerFunc{cut(70_000), rest(70_000, `"2"`), all}, ranges: "- bytes=70000- -", links: 1},
		"range not satisfiable":       {answers: []http.HandlerFunc{cut(70_000), status(416), all}, ranges: "- bytes=70000- -", links: 1},
		"truncated":                   {answers: []http.HandlerFunc{whole(recording[:100], recording), all}, ranges: "- -", links: 1},
		"truncated always":            {answers: []http.HandlerFunc{whole(recording[:100], recording)}, ranges: "- - -", links: 1, err: errFaulty},
		"a bit is wrong":              {answers: []http.HandlerFunc{whole(append([]byte("ID3x"), recording[4:]...), recording), all}, ranges: "- -", links: 1},
		"of unknown length":           {answers: []http.HandlerFunc{chunked(recording)}, ranges: "-", links: 1},
		"the link is dead":            {answers: []http.HandlerFunc{status(403), all}, ranges: "- -", links: 2},
		"it dies in between":          {answers: []http.HandlerFunc{cut(70_000), status(403), rest(70_000, `"1"`)}, ranges: "- bytes=70000- bytes=70000-", links: 2}, //nolint:dupword // the same range, by another link
		"every link is refused":       {answers: []http.HandlerFunc{status(403)}, ranges: "- -", links: 2, err: errDenied},
		"busy":                        {answers: []http.HandlerFunc{status(503), status(500), status(429), all}, ranges: "- - - -", links: 1},
		"busy always":                 {answers: []http.HandlerFunc{status(503)}, ranges: "- - - -", links: 1, err: errCut},
		"no such file":                {answers: []http.HandlerFunc{status(404)}, ranges: "-", links: 1, err: errGone},
		"empty":                       {answers: []http.HandlerFunc{whole(nil, nil)}, ranges: "-", links: 1, err: errEmpty},
		"a page":                      {answers: []http.HandlerFunc{whole(page, page)}, ranges: "-", links: 1, err: errNoFile},
		"elsewhere": {answers: []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}}, ranges: "- - - -", links: 1, err: errCut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, asked := answers(t, test.answers...)
			f, links := newFetcher(0), 0
			f.pause = time.Millisecond
			file := temporary(t)
			s, err := f.fetch(t.Context(), file, func(_ context.Context, dead bool) (dypls.SignedURL, error) {
				if dead != (links > 0) {
					t.Errorf("link %d is asked for as if the last were dead: %v", links+1, dead)
				}
				links++
				return dypls.SignedURL(url + "?Signature=hush"), nil
			})
			if !errors.Is(err, test.err) || links != test.links {
				t.Errorf("%d links, %v", links, err)
			}
			ranges := make([]string, len(*asked))
			for i, r := range *asked {
				if ranges[i] = r; r == "" {
					ranges[i] = "-"
				}
			}
			if got := strings.Join(ranges, " "); got != test.ranges {
				t.Errorf("asked for %s, want %s", got, test.ranges)
			}
			if err != nil {
				if strings.Contains(err.Error(), "hush") {
					t.Errorf("the error shows the link: %v", err)
				}
				return
			}
			if got, err := io.ReadAll(s.body()); err != nil || !bytes.Equal(got, recording) || s.checksum() != checksum(recording) || s.kind != mp3 {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

func temporary(t *testing.T) *os.File {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// TestLinkIsReplacedBeforeItDies: a link that has almost expired is not used for another request.
func TestLinkIsReplacedBeforeItDies(t *testing.T) {
	t.Parallel()
	began := time.Now()
	var passed atomic.Int64
	url, _ := answers(t, func(w http.ResponseWriter, r *http.Request) {
		passed.Store(int64(2*time.Hour - 9*time.Second))
		cut(70_000)(w, r)
	}, rest(70_000, `"1"`))
	f, dead := newFetcher(0), []bool(nil)
	f.pause, f.now = time.Millisecond, func() time.Time { return began.Add(time.Duration(passed.Load())) }
	_, err := f.fetch(t.Context(), temporary(t), func(_ context.Context, lastIsDead bool) (dypls.SignedURL, error) {
		dead = append(dead, lastIsDead)
		return dypls.SignedURL(fmt.Sprintf("%s?Expires=%d", url, f.now().Add(2*time.Hour).Unix())), nil
	})
	if err != nil || !slices.Equal(dead, []bool{false, true}) {
		t.Errorf("links %v, %v", dead, err)
	}
}

// TestBandwidthIsShared: what all downloads together take in a second is bounded.
func TestBandwidthIsShared(t *testing.T) {
	t.Parallel()
	url, _ := answers(t, whole(recording, recording))
	const bandwidth = 400_000
	f, began := newFetcher(bandwidth), time.Now()
	failed := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := f.fetch(t.Context(), temporary(t), func(context.Context, bool) (dypls.SignedURL, error) { return dypls.SignedURL(url), nil })
			failed <- err
		}()
	}
	for range 2 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if took, least := time.Since(began), time.Duration(2*len(recording)-2*chunk)*time.Second/bandwidth; took < least {
		t.Errorf("%s for what takes %s at least", took, least)
	}
}

// TestLinksGoNowhereElse: a link is used over TLS, or on this machine.
func TestLinksGoNowhereElse(t *testing.T) {
	t.Parallel()
	for link, want := range map[dypls.SignedURL]string{
		"https://b.oss-cn-shanghai.aliyuncs.com/a.mp3?Signature=%2B%3D":   "https://b.oss-cn-shanghai.aliyuncs.com/a.mp3?Signature=%2B%3D",
		"http://b.oss-cn-shanghai.aliyuncs.com/a.mp3?Expires=1#x":         "https://b.oss-cn-shanghai.aliyuncs.com/a.mp3?Expires=1",
		"http://B.OSS-cn-shanghai.aliyuncs.com:80/a.mp3":                  "https://b.oss-cn-shanghai.aliyuncs.com/a.mp3",
		"https://records.example.com/a.mp3":                               "https://records.example.com/a.mp3",
		"http://127.0.0.1:8000/a.mp3":                                     "http://127.0.0.1:8000/a.mp3",
		"http://[::1]:8000/a.mp3":                                         "http://[::1]:8000/a.mp3",
		"http://localhost/a.mp3":                                          "http://localhost/a.mp3",
		"http://records.example.com/a.mp3":                                "",
		"http://aliyuncs.com.example.com/a.mp3":                           "",
		"http://evilaliyuncs.com/a.mp3":                                   "",
		"http://b.oss-cn-shanghai.aliyuncs.com:8080/a.mp3":                "",
		"http://10.0.0.1/a.mp3":                                           "",
		"http://user:hush@b.oss-cn-shanghai.aliyuncs.com/a.mp3?Expires=1": "",
		"file:///etc/passwd":                                              "", "ftp://b.oss.aliyuncs.com/a": "", "a.mp3": "", "": "", "http://%zz/": "",
	} {
		got, err := secured(link)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", string(link), got, err)
		}
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]format{
		"ID3\x04\x00\x00": mp3, "\xFF\xFB\x90\x00": mp3, "\xFF\xF3\x28\xC0": mp3, "RIFF\x00\x00\x00\x00WAVE": wav,
		"RIFF\x00\x00\x00\x00AVI ": "", "<?xml version": "", "<html>": "", "\xFF\xE1\x00\x00": "", "": "", "\xFF": "", "RIFF": "",
	} {
		if got, known := sniff([]byte(head)); got != want || known != (want != "") {
			t.Errorf("%q is %q", head, got)
		}
	}
}
