package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
)

// ossStore is a store in a bucket of OSS.
type ossStore struct {
	bucket

	client *oss.Client
}

const storeTries = 3 // of one request to a store

func openOSS(u *url.URL) (Store, error) { //nolint:ireturn // as the others
	p, err := parameters(u, "region", "endpoint")
	if err != nil {
		return nil, err
	}
	b, err := bucketOf(u)
	if err != nil {
		return nil, err
	}
	if p["region"] == "" {
		return nil, errors.New("the archive must name its region, as in oss://bucket/prefix?region=cn-shanghai")
	}
	chain := aliyun.DefaultCredentials()
	config := oss.LoadDefaultConfig().
		WithRegion(p["region"]).
		WithRetryMaxAttempts(storeTries).
		WithProxyFromEnvironment(true).
		WithCredentialsProvider(credentials.CredentialsProviderFunc(
			func(ctx context.Context) (credentials.Credentials, error) {
				c, err := chain.Get(ctx)
				return credentials.Credentials{
					AccessKeyID: c.AccessKeyID, AccessKeySecret: c.AccessKeySecret, SecurityToken: c.SecurityToken,
				}, err
			}))
	if p["endpoint"] != "" {
		endpoint, err := endpointOf(p["endpoint"])
		if err != nil {
			return nil, err
		}
		config = config.WithEndpoint(endpoint.String()).
			WithUsePathStyle(net.ParseIP(endpoint.Hostname()) != nil)
	}
	return ossStore{b, oss.NewClient(config)}, nil
}

// Put implements [Store]. The client compares checksums by itself.
func (s ossStore) Put(ctx context.Context, name string, body io.ReadSeeker, size int64) error {
	_, err := s.client.PutObject(ctx, &oss.PutObjectRequest{
		Bucket:          new(s.name),
		Key:             new(s.key(name)),
		Body:            body,
		ContentLength:   new(size),
		ForbidOverwrite: new("true"),
	})
	return ossError(err)
}

// Get implements [Store].
func (s ossStore) Get(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	got, err := s.client.GetObject(
		ctx, &oss.GetObjectRequest{Bucket: new(s.name), Key: new(s.key(name))},
	)
	if err != nil {
		return nil, 0, ossError(err)
	}
	return got.Body, got.ContentLength, nil
}

// GetFrom implements [Store].
func (s ossStore) GetFrom(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	got, err := s.client.GetObject(ctx, &oss.GetObjectRequest{
		Bucket: new(s.name), Key: new(s.key(name)),
		Range: new(fmt.Sprintf("bytes=%d-", offset)), RangeBehavior: new("standard"),
	})
	if err != nil {
		return nil, ossError(err)
	}
	if got.ContentRange == nil {
		return nil, errors.Join(errNoRange, got.Body.Close())
	}
	return got.Body, nil
}

// Probe implements [Store].
func (s ossStore) Probe(ctx context.Context) error { return probed(ctx, s) }

// ossError is what an answer of OSS means.
func ossError(err error) error {
	answer, is := errors.AsType[*oss.ServiceError](err)
	switch {
	case !is:
		return plain(err)
	case answer.Code == "FileAlreadyExists" || answer.StatusCode == http.StatusConflict:
		return ErrExists
	case answer.Code == "NoSuchKey":
		return fs.ErrNotExist
	}
	return fmt.Errorf(
		"OSS answers %d %s, request %s", answer.StatusCode, answer.Code, answer.RequestID,
	)
}
