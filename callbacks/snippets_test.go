package callbacks

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// snippets are the ways of other languages to check a signature, as docs/callbacks.md has them, and
// what makes programs of them, which are given the id, the time, the signatures, the body and the
// secrets.
var snippets = map[string]struct {
	runtime string // whose name is also what a skip says
	file    string
	program string
	command []string
}{
	"python": {"python3", "check.py", `
import sys
id, sent, signatures, body, *secrets = sys.argv[1:]
print(verify(secrets, {"webhook-id": id, "webhook-timestamp": sent, "webhook-signature": signatures}, body.encode()))
`, []string{"python3", "check.py"}},
	"js": {"node", "check.js", `
const [id, sent, signatures, body, ...secrets] = process.argv.slice(2);
console.log(verify(secrets, { "webhook-id": id, "webhook-timestamp": sent, "webhook-signature": signatures }, Buffer.from(body)));
`, []string{"node", "check.js"}},
	"php": {"php", "check.php", `
[, $id, $sent, $signatures, $body] = $argv;
echo verify(array_slice($argv, 5), ['webhook-id' => $id, 'webhook-timestamp' => $sent, 'webhook-signature' => $signatures], $body) ? 'true' : 'false';
`, []string{"php", "check.php"}},
	"java": {"javac", "Check.java", `
public static void main(String[] a) throws Exception {
    System.out.println(verify(Arrays.asList(a).subList(4, a.length), a[0], a[1], a[2], a[3].getBytes(StandardCharsets.UTF_8)));
}}
`, []string{"java", "Check.java"}},
}

var before = map[string]string{
	"php": "<?php\n",
	"java": "import java.nio.charset.StandardCharsets; import java.security.MessageDigest; import java.util.*;\n" +
		"import javax.crypto.Mac; import javax.crypto.spec.SecretKeySpec;\nclass Check {\n",
}

// TestSnippets: what docs/callbacks.md has for other languages takes what is signed, and nothing
// else.
func TestSnippets(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/callbacks.md")
	if err != nil {
		t.Fatal(err)
	}
	for language, s := range snippets {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(s.runtime); err != nil {
				t.Skipf("needs %s, which is not installed", s.runtime)
			}
			found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(page)
			if found == nil {
				t.Fatal("docs/callbacks.md has none")
			}
			dir := t.TempDir()
			text := before[language] + string(found[1]) + s.program
			if err := os.WriteFile(filepath.Join(dir, s.file), []byte(text), 0o600); err != nil { //nolint:gosec // this repository's page, a folder of the test
				t.Fatal(err)
			}
			now := time.Now()
			signed := func(secret string, at time.Time) string {
				signature, err := Sign(secret, "msg_a", at, []byte(vectorBody))
				if err != nil {
					t.Fatal(err)
				}
				return signature
			}
			old := now.Add(-10 * time.Minute)
			for name, c := range map[string]struct {
				at         time.Time
				signatures string
				secrets    []string
				want       bool
			}{
				"signed":    {now, signed(secretOne, now), []string{secretOne}, true},
				"rotating":  {now, signed(secretOne, now) + " " + signed(secretTwo, now), []string{secretTwo}, true},
				"two known": {now, "v1a,AAAA " + signed(secretOne, now), []string{secretTwo, secretOne}, true},
				"another":   {now, signed(secretTwo, now), []string{secretOne}, false},
				"too old":   {old, signed(secretOne, old), []string{secretOne}, false},
				"cut":       {now, signed(secretOne, now)[:20], []string{secretOne}, false},
			} {
				args := append([]string{"msg_a", strconv.FormatInt(c.at.Unix(), 10), c.signatures, vectorBody}, c.secrets...)
				cmd := exec.CommandContext(t.Context(), s.command[0], append(s.command[1:], args...)...)
				cmd.Dir = dir
				out, err := cmd.CombinedOutput()
				if err != nil || !strings.EqualFold(strings.TrimSpace(string(out)), strconv.FormatBool(c.want)) {
					t.Errorf("%s: %v, %s, want %t", name, err, out, c.want)
				}
			}
		})
	}
}
