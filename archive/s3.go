package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// s3Store is a store in a bucket of S3, or of what speaks as S3 does.
type s3Store struct {
	bucket

	client *minio.Core
}

func openS3(u *url.URL) (Store, error) { //nolint:ireturn // as the others
	p, err := parameters(u, "region", "endpoint")
	if err != nil {
		return nil, err
	}
	b, err := bucketOf(u)
	if err != nil {
		return nil, err
	}
	if p["region"] == "" && p["endpoint"] == "" {
		return nil, errors.New("the archive must name its region or endpoint, as in s3://bucket/prefix?region=us-east-1")
	}
	if os.Getenv("AWS_ACCESS_KEY_ID") == "" || os.Getenv("AWS_SECRET_ACCESS_KEY") == "" {
		return nil, errors.New("an archive in S3 needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: set them")
	}
	endpoint, err := endpointOf(cmp.Or(p["endpoint"], "https://s3."+p["region"]+".amazonaws.com"))
	if err != nil {
		return nil, err
	}
	client, err := minio.NewCore(endpoint.Host, &minio.Options{
		Creds:      credentials.NewEnvAWS(),
		Secure:     endpoint.Scheme == "https",
		Region:     cmp.Or(p["region"], "us-east-1"), // what speaks as S3 often has none
		MaxRetries: storeTries,
	})
	if err != nil {
		return nil, fmt.Errorf("the archive: %w", err)
	}
	return s3Store{b, client}, nil
}

// Put implements [Store].
func (s s3Store) Put(ctx context.Context, name string, body io.ReadSeeker, size int64) error {
	options := minio.PutObjectOptions{DisableMultipart: true}
	options.SetMatchETagExcept("*")
	_, err := s.client.Client.PutObject(ctx, s.name, s.key(name), body, size, options)
	return s3Error(err)
}

// Get implements [Store].
func (s s3Store) Get(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	body, info, _, err := s.client.GetObject(ctx, s.name, s.key(name), minio.GetObjectOptions{})
	if err != nil {
		return nil, 0, s3Error(err)
	}
	return body, info.Size, nil
}

// GetFrom implements [Store].
func (s s3Store) GetFrom(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	var options minio.GetObjectOptions
	if offset > 0 {
		if err := options.SetRange(offset, 0); err != nil {
			return nil, err
		}
	}
	body, _, header, err := s.client.GetObject(ctx, s.name, s.key(name), options)
	if err != nil {
		return nil, s3Error(err)
	}
	if offset > 0 && header.Get("Content-Range") == "" {
		return nil, errors.Join(errNoRange, body.Close())
	}
	return body, nil
}

// Probe implements [Store].
func (s s3Store) Probe(ctx context.Context) error { return probed(ctx, s) }

// s3Error is what an answer of S3 means. 409 is that another put of the same name is under way.
func s3Error(err error) error {
	answer, is := errors.AsType[minio.ErrorResponse](err)
	switch {
	case !is || answer.StatusCode == 0:
		return plain(err)
	case answer.StatusCode == http.StatusPreconditionFailed:
		return ErrExists
	case answer.Code == minio.NoSuchKey:
		return fs.ErrNotExist
	}
	return fmt.Errorf("S3 answers %d %s, request %s", answer.StatusCode, answer.Code, answer.RequestID)
}
