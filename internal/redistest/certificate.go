package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority signs the certificates of one test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	key := newKey(tb)
	der := sign(tb, &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "authority of a test"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}, nil, key, key)
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &authority{certificate, key}
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// sign makes a certificate that is valid around now; without a parent one that signs itself.
func sign(tb testing.TB, template, parent *x509.Certificate, of, by *ecdsa.PrivateKey) []byte {
	tb.Helper()
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &of.PublicKey, by)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

// write writes the authority's certificate.
func (a *authority) write(tb testing.TB, dir string) (file string) {
	tb.Helper()
	return writePEM(tb, filepath.Join(dir, "ca.crt"), "CERTIFICATE", a.certificate.Raw)
}

// issue writes a certificate, for a server where it has a host, and its key.
func (a *authority) issue(tb testing.TB, dir, name, host string) (certFile, keyFile string) {
	tb.Helper()
	key := newKey(tb)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if host != "" {
		template.DNSNames, template.ExtKeyUsage = []string{
			host,
		}, []x509.ExtKeyUsage{
			x509.ExtKeyUsageServerAuth,
		}
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return writePEM(
			tb,
			filepath.Join(dir, name+".crt"),
			"CERTIFICATE",
			sign(tb, template, a.certificate, key, a.key),
		),
		writePEM(tb, filepath.Join(dir, name+".key"), "EC PRIVATE KEY", der)
}

func writePEM(tb testing.TB, file, kind string, der []byte) string {
	tb.Helper()
	if err := os.WriteFile(
		file,
		pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}),
		0o600,
	); err != nil {
		tb.Fatal(err)
	}
	return file
}
