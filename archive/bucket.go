package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

// bucket is where a store's objects are.
type bucket struct{ scheme, name, prefix string }

// bucketOf reads scheme://bucket/prefix.
func bucketOf(u *url.URL) (bucket, error) {
	b := bucket{u.Scheme, u.Host, strings.Trim(path.Clean("/"+u.Path), "/")}
	if b.name == "" || strings.ContainsAny(b.name, ":@") {
		return bucket{}, fmt.Errorf("the archive must name its bucket, as in %s://bucket/prefix", u.Scheme)
	}
	return b, nil
}

func (b bucket) key(name string) string { return path.Join(b.prefix, name) }

// Location implements [Store].
func (b bucket) Location(name string) string {
	return (&url.URL{Scheme: b.scheme, Host: b.name, Path: "/" + b.key(name)}).String()
}

// endpointOf reads an endpoint: https, or http to this machine.
func endpointOf(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err == nil && u.Host != "" && u.User == nil && u.RawQuery == "" &&
		strings.Trim(u.Path, "/") == "" {
		if u.Scheme == "https" || u.Scheme == "http" && setting.IsLoopback(u.Hostname()) {
			return u, nil
		}
	}
	return nil, errors.New("the archive's endpoint must be https://host, or http:// to this machine")
}

// errNoRange is that a store sends an object from its beginning all the same.
var errNoRange = errors.New("the store cannot send an object from the middle of it")

// probed asks for an object that nobody has: that there is none is the answer of a store that may
// be used.
func probed(ctx context.Context, s Store) error {
	body, _, err := s.Get(ctx, "dyplsq-probe")
	if err == nil {
		return body.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
