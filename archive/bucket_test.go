package archive

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
)

const (
	bucketKeyID  = "key-of-the-test"
	bucketSecret = "hush-of-the-test"
)

// objects is a server that speaks as S3 and OSS do: it verifies signatures of their fourth
// versions, refuses to overwrite where it is asked to, and keeps what it is sent.
type objects struct {
	t *testing.T

	mu       sync.Mutex
	kept     map[string][]byte
	puts     map[string]int // that were taken
	failing  int            // the status that puts are answered with; 0 where it works
	unsigned int            // requests whose signature is wrong
}

func startObjects(t *testing.T) (*objects, string) {
	t.Helper()
	o := &objects{t: t, kept: map[string][]byte{}, puts: map[string]int{}}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	return o, server.URL
}

func (o *objects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	o.mu.Lock()
	defer o.mu.Unlock()
	refuse := func(status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message><RequestId>1</RequestId></Error>", code)
	}
	if err != nil {
		return // the client gave up
	}
	if got, want := signatures(r); got != want {
		o.unsigned++
		refuse(http.StatusForbidden, "SignatureDoesNotMatch")
		return
	}
	key := r.URL.Path
	if !strings.HasPrefix(key, "/bucket/") {
		refuse(http.StatusNotFound, "NoSuchBucket")
		return
	}
	there, exists := o.kept[key]
	switch r.Method {
	case http.MethodPut:
		if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
			body = unchunked(body)
		}
		switch {
		case o.failing != 0:
			refuse(o.failing, "Full")
		case exists && r.Header.Get("If-None-Match") == "*":
			refuse(http.StatusPreconditionFailed, "PreconditionFailed")
		case exists && r.Header.Get("X-Oss-Forbid-Overwrite") == "true":
			refuse(http.StatusConflict, "FileAlreadyExists")
		default:
			o.kept[key] = body
			o.puts[key]++
			o.describe(w, body)
		}
	case http.MethodGet:
		if !exists {
			refuse(http.StatusNotFound, "NoSuchKey")
			return
		}
		o.describe(w, there)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(there))
	default:
		refuse(http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
}

func (o *objects) describe(w http.ResponseWriter, body []byte) {
	w.Header().Set("ETag", `"d41d8cd98f00b204e9800998ecf8427e"`)
	w.Header().Set("Last-Modified", "Sat, 28 Nov 2026 12:00:00 GMT")
	w.Header().Set("x-oss-hash-crc64ecma", strconv.FormatUint(crc64.Checksum(body, crcTable), 10))
}

// unchunked is what aws-chunked holds.
func unchunked(body []byte) (all []byte) {
	r := bufio.NewReader(bytes.NewReader(body))
	for {
		head, err := r.ReadString('\n')
		text, _, _ := strings.Cut(strings.TrimSpace(head), ";")
		n, parseErr := strconv.ParseInt(text, 16, 64)
		if err != nil || parseErr != nil || n == 0 {
			return all
		}
		piece := make([]byte, n)
		_, _ = io.ReadFull(r, piece)
		all = append(all, piece...)
		_, _ = r.ReadString('\n')
	}
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func chain(key string, parts ...string) string {
	for _, part := range parts {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(part))
		key = string(mac.Sum(nil))
	}
	return key
}

// signatures are the one that a request has and the one that it should have.
func signatures(r *http.Request) (got, want string) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	scope := strings.SplitN(fields["Credential"], "/", 2)
	if scope[0] != bucketKeyID {
		return "no", "such key"
	}
	parts := strings.Split(scope[1], "/")
	path := (&url.URL{Path: r.URL.Path}).EscapedPath()
	var headers, canonical, key string
	switch scheme {
	case "AWS4-HMAC-SHA256":
		for name := range strings.SplitSeq(fields["SignedHeaders"], ";") {
			value := r.Header.Get(name)
			switch name {
			case "host":
				value = r.Host
			case "content-length":
				value = strconv.FormatInt(r.ContentLength, 10)
			}
			headers += name + ":" + strings.TrimSpace(value) + "\n"
		}
		canonical = strings.Join([]string{r.Method, path, r.URL.RawQuery, headers, fields["SignedHeaders"], r.Header.Get("X-Amz-Content-Sha256")}, "\n")
		key = chain("AWS4"+bucketSecret, parts...)
		canonical = strings.Join([]string{scheme, r.Header.Get("X-Amz-Date"), scope[1], digest(canonical)}, "\n")
	case "OSS4-HMAC-SHA256":
		var signed []string
		for name := range r.Header {
			if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-oss-") || lower == "content-type" || lower == "content-md5" {
				signed = append(signed, lower)
			}
		}
		slices.Sort(signed)
		for _, name := range signed {
			headers += name + ":" + strings.TrimSpace(r.Header.Get(name)) + "\n"
		}
		canonical = strings.Join([]string{r.Method, path, r.URL.RawQuery, headers, fields["AdditionalHeaders"], r.Header.Get("X-Oss-Content-Sha256")}, "\n")
		key = chain("aliyun_v4"+bucketSecret, parts...)
		canonical = strings.Join([]string{scheme, r.Header.Get("X-Oss-Date"), scope[1], digest(canonical)}, "\n")
	default:
		return "no", "signature"
	}
	return fields["Signature"], hex.EncodeToString([]byte(chain(key, canonical)))
}

func bucketEnvironment(t *testing.T, secret string) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": bucketKeyID, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": "",
		"ALIBABA_CLOUD_ACCESS_KEY_ID": bucketKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": secret, "ALIBABA_CLOUD_SECURITY_TOKEN": "",
		"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

var bucketSchemes = []string{"s3", "oss"}

func openBucket(t *testing.T, scheme, bucket, server string) Store {
	t.Helper()
	s, err := Open(scheme + "://" + bucket + "/a/prefix?region=cn-shanghai&endpoint=" + url.QueryEscape(server))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestBuckets: S3 and OSS on the wire, with signatures that are verified and puts that overwrite
// nothing.
func TestBuckets(t *testing.T) { //nolint:paralleltest // the environment is the process's
	for _, scheme := range bucketSchemes { //nolint:paralleltest // likewise
		t.Run(scheme, func(t *testing.T) {
			bucketEnvironment(t, bucketSecret)
			o, server := startObjects(t)
			s := openBucket(t, scheme, "bucket", server)
			checkStore(t, s)
			if o.unsigned > 0 {
				t.Errorf("%d requests were signed otherwise", o.unsigned)
			}
			if l := s.Location("a b.mp3"); l != scheme+"://bucket/a/prefix/a%20b.mp3" {
				t.Errorf("location %s", l)
			}
			o.failing = http.StatusInsufficientStorage
			err := s.Put(t.Context(), "full.mp3", strings.NewReader("x"), 1)
			if err == nil || !strings.Contains(err.Error(), "507") {
				t.Errorf("a store that is full: %v", err)
			}
			if err := openBucket(t, scheme, "another", server).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "NoSuchBucket") {
				t.Errorf("another bucket: %v", err)
			}
			bucketEnvironment(t, "another")
			err = openBucket(t, scheme, "bucket", server).Probe(t.Context())
			if err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") || strings.Contains(err.Error(), "hush") {
				t.Errorf("another secret: %v", err)
			}
		})
	}
}

// TestBucketThatIsFull: while the store refuses what it is sent nothing is lost, and afterwards
// each recording is in it once.
func TestBucketThatIsFull(t *testing.T) { //nolint:paralleltest // the environment is the process's
	for _, scheme := range bucketSchemes { //nolint:paralleltest // likewise
		t.Run(scheme, func(t *testing.T) {
			bucketEnvironment(t, bucketSecret)
			o, server := startObjects(t)
			o.failing = http.StatusInsufficientStorage
			w := newWorld(t, dyplstest.Config{})
			for range 2 {
				w.keep(func(c *Config) { c.Store = openBucket(t, scheme, "bucket", server) })
			}
			const n = 20
			w.place(n)
			w.counted(Failed, 4)
			o.mu.Lock()
			o.failing = 0
			o.mu.Unlock()
			w.reach(calls.RecordingKept)
			o.mu.Lock()
			defer o.mu.Unlock()
			for _, placed := range w.api.Calls() {
				c, err := w.calls.Get(t.Context(), placed.CallID)
				if err != nil {
					t.Fatal(err)
				}
				key := "/bucket/a/prefix/" + nameOf(c, "") + ".mp3"
				if digest(string(o.kept[key])) != placed.Recordings[0].SHA256 || o.puts[key] != 1 || c.Recording.Location != scheme+"://"+key[1:] {
					t.Errorf("%s was put %d times, as %d bytes; %+v", key, o.puts[key], len(o.kept[key]), c.Recording)
				}
			}
			if len(o.kept) != 2*n {
				t.Errorf("%d objects", len(o.kept))
			}
		})
	}
}

func TestURLsOfBuckets(t *testing.T) {
	bucketEnvironment(t, bucketSecret)
	for _, bad := range []string{
		"oss://bucket/prefix", "oss:///prefix?region=cn-shanghai", "s3://bucket", "s3:///x?region=a", "s3://bucket?region=a&acl=public", "oss://bucket?region=a&region=b",
		"s3://bucket?endpoint=http://s3.example.com", "s3://bucket?endpoint=s3.example.com", "oss://bucket?region=a&endpoint=http://oss.example.com", "s3://user:hush@bucket?region=a",
	} {
		if s, err := Open(bad); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, %v", bad, s, err)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	if _, err := Open("s3://bucket?region=us-east-1"); err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("without credentials: %v", err)
	}
}
