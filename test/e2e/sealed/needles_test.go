package sealed

import (
	"crypto/md5"  //nolint:gosec // what somebody might have taken
	"crypto/sha1" //nolint:gosec // as above
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// mark is in each number of the test: 139 and so on stand before it, and three digits behind it.
const mark = "77319"

// number is the n-th A (139), B (138), caller (136), X (170) or X of the inventory (171).
func number(prefix string, n int) string { return fmt.Sprintf("%s%s%03d", prefix, mark, n) }

// marked finds a number however it is written.
var marked = regexp.MustCompile(`1(39|38|36|70|71)[-\s]?` + mark[:4] + `[-\s]?` + mark[4:] + `\d{3}`)

const (
	numbersEach = 200
	// prefixBytes of a hash are looked for: also one that was cut short is found.
	prefixBytes = 6
	hexLength   = 2 * prefixBytes
	baseLength  = 4 * prefixBytes / 3
)

// needles are what hashes of the numbers begin with, in each way in which one may be written.
type needles struct {
	raw, hexed, based map[string]string // what it is of
}

func newNeedles() needles {
	n := needles{map[string]string{}, map[string]string{}, map[string]string{}}
	for _, prefix := range []string{"139", "138", "136", "170", "171"} {
		for i := range numbersEach {
			for _, form := range []string{"", "86", "+86"} {
				text := form + number(prefix, i)
				five, one, two := md5.Sum([]byte(text)), sha1.Sum([]byte(text)), sha256.Sum256([]byte(text)) //nolint:gosec // as above
				for name, sum := range map[string][]byte{"MD5": five[:], "SHA-1": one[:], "SHA-256": two[:]} {
					of := name + " of " + text
					n.raw[string(sum[:prefixBytes])] = of
					n.hexed[hex.EncodeToString(sum)[:hexLength]] = of
					n.based[base64.StdEncoding.EncodeToString(sum)[:baseLength]] = of
					n.based[base64.URLEncoding.EncodeToString(sum)[:baseLength]] = of
				}
			}
		}
	}
	return n
}

// hits returns what a text shows of the numbers.
func (n needles) hits(text string) (found []string) {
	found = marked.FindAllString(text, -1)
	lower := strings.ToLower(text)
	for i := range len(text) - prefixBytes + 1 {
		if of, is := n.raw[text[i:i+prefixBytes]]; is {
			found = append(found, "raw "+of)
		}
		if i+baseLength <= len(text) {
			if of, is := n.based[text[i:i+baseLength]]; is {
				found = append(found, "base64 "+of)
			}
		}
		if i+hexLength <= len(lower) {
			if of, is := n.hexed[lower[i:i+hexLength]]; is {
				found = append(found, "hex "+of)
			}
		}
	}
	return found
}

// TestNeedlesAreFound: what is looked for would be found.
func TestNeedlesAreFound(t *testing.T) {
	t.Parallel()
	n := newNeedles()
	sum := sha256.Sum256([]byte(number("139", 7)))
	five := md5.Sum([]byte("86" + number("171", 8))) //nolint:gosec // as above
	for _, text := range []string{
		number("139", 7), "+86 138 7731 9007", string(sum[:]), string(five[:8]), hex.EncodeToString(sum[:]), strings.ToUpper(hex.EncodeToString(five[:])),
		base64.StdEncoding.EncodeToString(sum[:]), base64.RawURLEncoding.EncodeToString(five[:]), hex.EncodeToString(sum[:12]),
	} {
		if len(n.hits("before "+text+" behind")) == 0 {
			t.Errorf("%q is not found", text)
		}
	}
	if found := n.hits("13912345678 " + strings.Repeat("0123456789abcdef", 100)); found != nil {
		t.Errorf("found %v", found)
	}
}
