package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
)

// ErrExists is that an object of this name is in the store. It stays as it is.
var ErrExists = errors.New("there is an object of this name")

// Store keeps objects. Names are relative paths of slashes, such as default/FC1/2026/11/28/c1.mp3.
// All methods may be used at the same time, and by many processes.
type Store interface {
	// Put stores so many bytes, whole or not at all. Of many that put the same name one succeeds, and
	// the others get [ErrExists].
	Put(ctx context.Context, name string, body io.ReadSeeker, size int64) error
	// Get opens an object, and tells its size. The error matches [fs.ErrNotExist] where there is none.
	Get(ctx context.Context, name string) (body io.ReadCloser, size int64, err error)
	// GetFrom opens an object at an offset, which lies before its end.
	GetFrom(ctx context.Context, name string, offset int64) (io.ReadCloser, error)
	// Probe returns why the store cannot be used, as far as that can be told without writing.
	Probe(ctx context.Context) error
	// Location is where an object is, for people. It holds no secret.
	Location(name string) string
}

// Open opens a store by its URL: file:///directory, oss://bucket/prefix?region=cn-shanghai, or
// s3://bucket/prefix?endpoint=https://host&region=us-east-1. It waits for no connection.
//
// OSS takes the credentials of Alibaba's default chain, S3 those of AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN: a URL holds no secret.
//
//nolint:ireturn // one of three
func Open(text string) (Store, error) {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Fragment != "" {
		return nil, errURL
	}
	open, known := map[string]func(*url.URL) (Store, error){
		"file": openDir, "oss": openOSS, "s3": openS3,
	}[u.Scheme]
	if !known {
		return nil, errURL
	}
	return open(u)
}

var errURL = errors.New(
	"the archive must be file:///directory, oss://bucket/prefix?region=REGION or s3://bucket/prefix?endpoint=URL&region=REGION, without user and password",
)

// parameters reads those of a URL's query that are known, and refuses others.
func parameters(u *url.URL, known ...string) (map[string]string, error) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errURL
	}
	found := map[string]string{}
	for name, value := range values {
		if !slices.Contains(known, name) || len(value) != 1 {
			return nil, fmt.Errorf(
				"the archive's URL must have no parameter %q: %s takes %s",
				name, u.Scheme, strings.Join(append(known, "no other"), ", "),
			)
		}
		found[name] = value[0]
	}
	return found, nil
}
