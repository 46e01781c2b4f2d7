package systemtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// DashPassword is that of everybody in [PasswordFile].
const DashPassword = "correct horse battery staple"

// PasswordFile is an htpasswd file in which ann and bob have the same password.
func PasswordFile(t *testing.T) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(DashPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return TempFile(
		t,
		fmt.Sprintf(
			"# made by a test\nann:%s\nbob:%s\n",
			hash,
			bytes.Replace(hash, []byte("$2a$"), []byte("$2y$"), 1),
		),
	)
}

// Dash starts the dashboard and returns its address, once Redis knows the queues.
func (s *System) Dash(t *testing.T, args ...string) string {
	t.Helper()
	redistest.Poll(t, StartWithin, "Redis to know the queue", func(ctx context.Context) error {
		names, err := s.Redis.Client(t).SMembers(ctx, "asynq:queues").Result()
		if len(names) == 0 {
			return errors.Join(err, errors.New("not yet"))
		}
		return nil
	})
	return StartDash(t, s.Env, args...)
}

// StartDash starts the dashboard, by default on a port of its own, and returns its address.
func StartDash(t *testing.T, env []string, args ...string) (url string) {
	t.Helper()
	if !strings.Contains(strings.Join(args, " "), "--listen") {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	p := Start(t, env, append([]string{"dash"}, args...)...)
	redistest.Poll(
		t, StartWithin, "the dashboard to be up", p.Wrote(`"message":"dashboard listening"`),
	)
	url = regexp.MustCompile(`https?://[^"]+/`).FindString(p.Text())
	return strings.Replace(url, "[::]", "127.0.0.1", 1)
}

// Certificate is one of the test's own for 127.0.0.1.
func Certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return TempFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))),
		TempFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

// TempFile is a file that holds a text.
func TempFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
