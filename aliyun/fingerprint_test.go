package aliyun

import (
	"strings"
	"testing"
)

// TestKeyFingerprint: the same for the same key, blanks around it or not, another one for another
// key, and none for a temporary one.
func TestKeyFingerprint(t *testing.T) {
	t.Parallel()
	of := func(id, token string) string {
		t.Helper()
		client, err := New(Config{Credentials: StaticCredentials(id, "secret", token)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		fingerprint, err := client.KeyFingerprint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return fingerprint
	}
	const key, other = "LTAI5tAAAAAAAAAAAAAAAAAA", "LTAI5tAAAAAAAAAAAAAAAAAB"
	first := of(key, "")
	if len(first) != 12 || strings.Contains(key, first) || first != of(key, "") || first == of(other, "") {
		t.Errorf("%q, %q", first, of(other, ""))
	}
	if temporary := of("STS.NTAAAAAAAAAAAAAAAAAA", "token"); temporary != "" {
		t.Errorf("a temporary key has the fingerprint %q", temporary)
	}
}
