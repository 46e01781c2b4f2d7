package archive

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// beijing is whose days the platform and its customers count by.
var beijing = time.FixedZone("UTC+8", 8*60*60)

var (
	plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	mobile    = regexp.MustCompile(`(^|[^0-9])(0*86)?1[3-9][0-9]{9}([^0-9]|$)`)
)

// nameOf is what a recording is called in the store, without its extension:
// account/pool/yyyy/mm/dd/call_part.
func nameOf(c calls.Call, part string) string {
	name := idOf(c)
	if part != "" {
		name += "_" + part
	}
	return path.Join(
		safe(cmp.Or(c.Account, tasks.DefaultAccount)),
		safe(cmp.Or(c.PoolKey, "none")),
		c.CallTime.In(beijing).Format("2006/01/02"),
		name,
	)
}

// idOf is a call's id where that is a plain name and may be seen whole, else its hash: it goes into
// names of objects, keys and logs.
func idOf(c calls.Call) string {
	if plainName.MatchString(c.ID) && c.ShownID() == c.ID {
		return c.ID
	}
	return hashed(c.ID)
}

// safe is a text where it is a plain name that holds no mobile number, else its hash.
func safe(text string) string {
	if plainName.MatchString(text) && !mobile.MatchString(text) {
		return text
	}
	return hashed(text)
}

func hashed(text string) string {
	const bytes = 12
	sum := sha256.Sum256([]byte(text))
	return "x" + hex.EncodeToString(sum[:bytes])
}

// partOf is the number of the part that a link's file says that it is, as in
// 1000043068030000_43612633712c0000_0.mp3; "" where it says none. What is longer is a number of
// somebody's.
func partOf(link dypls.SignedURL) string {
	file, _, _ := strings.Cut(string(link), "?")
	if found := partName.FindStringSubmatch(file); found != nil {
		return found[1]
	}
	return ""
}

var partName = regexp.MustCompile(`_([0-9]{1,2})\.[A-Za-z0-9]+$`)
