package tasks

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/redis/go-redis/v9"
)

// secure puts certificates into options, whose TLS the URL's scheme has turned on. The files are
// checked in any case; whether TLS is on is known only where the URL was read.
func (c RedisConfig) secure(options *redis.Options, read bool) error {
	if c.CAFile == "" && c.CertFile == "" && c.KeyFile == "" && c.ServerName == "" {
		return nil
	}
	var problems []error
	if read && options.TLSConfig == nil && c.URL != "" {
		problems = append(problems, errors.New(
			"a CA file, certificate, key or server name is set for a Redis URL without TLS: write rediss:// or rediss-sentinel://, or unset them",
		))
	}
	if options.TLSConfig == nil {
		options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if c.ServerName != "" {
		options.TLSConfig.ServerName = c.ServerName
	}
	var err error
	if c.CAFile != "" {
		if options.TLSConfig.RootCAs, err = readAuthorities(c.CAFile); err != nil {
			problems = append(problems, err)
		}
	}
	if options.TLSConfig.Certificates, err = readCertificate(c.CertFile, c.KeyFile); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

func readAuthorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("the CA file for Redis cannot be read: %w", err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("the CA file for Redis, %s, holds no certificate: it must be PEM", file)
	}
	return authorities, nil
}

func readCertificate(certFile, keyFile string) ([]tls.Certificate, error) {
	if certFile == "" && keyFile == "" {
		return nil, nil
	}
	if certFile == "" || keyFile == "" {
		return nil, errors.New(
			"the certificate file and the key file for Redis belong together: give both, or neither",
		)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("the certificate and key files for Redis cannot be used: %w", err)
	}
	return []tls.Certificate{pair}, nil
}
