package dyplstest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Pool is a pool of numbers (号池) that the account owns.
type Pool struct {
	// Key is the PoolKey of requests.
	Key string
	// Numbers are the pool's X. A number belongs to one pool only.
	Numbers []dypls.Phone
	// Cities are the cities of its numbers, without 市, for ExpectCity. A number that is absent has
	// none.
	Cities map[dypls.Phone]string
	// StrictCity answers isv.NO_AVAILABLE_NUMBER where ExpectCity has no number left, instead of
	// taking another city's.
	StrictCity bool
	// Groups are the AXG groups by GroupId, a whole number; calls make more. Nil: every GroupId that
	// no call has made or deleted stands for a group that everybody is in.
	Groups map[string][]dypls.Phone
	// Vendor is the carrier of its numbers, and Province where they are. Default: dypls.VendorMobile,
	// and none.
	Vendor   int
	Province string
	// Actions are the binds that this pool is for; others are answered with isv.FORBIDDEN_ACTION.
	// Empty: all.
	Actions []string
}

// Numbers makes n distinct numbers of 11 digits that start with prefix: 17000000000, 17000000001
// and so on for "170". It panics where prefix holds anything but digits, or leaves no room for n.
func Numbers(prefix string, n int) []dypls.Phone {
	const length = 11
	width := length - len(prefix)
	room := 1
	for range max(width, 0) {
		room *= 10
	}
	if !digits(prefix, 0, length) || n < 0 || n > room {
		panic(
			fmt.Sprintf(
				"dyplstest: Numbers(%q, %d): the prefix must be digits and leave room for n in 11: shorten it",
				prefix,
				n,
			),
		)
	}
	numbers := make([]dypls.Phone, n)
	for i := range numbers {
		rest := strconv.Itoa(i)
		if width == 0 {
			rest = ""
		}
		numbers[i] = dypls.Phone(prefix + strings.Repeat("0", width-len(rest)) + rest)
	}
	return numbers
}

func (p Pool) validate() error {
	if p.Key == "" {
		return fmt.Errorf("the Key is empty: name the pool, such as %s", DefaultPoolKey)
	}
	for group := range p.Groups {
		if !isGroupID(group) {
			return fmt.Errorf(
				"the Groups of %s hold %q, which must be a whole number: the API answers it as one",
				p.Key,
				group,
			)
		}
	}
	for _, action := range p.Actions {
		if !isPlainBind(action) || checkAction(action) != nil {
			return fmt.Errorf(
				"the Actions of %s hold %q, which is not a bind that is simulated: take one of %s",
				p.Key,
				action,
				strings.Join(Actions(), ", "),
			)
		}
	}
	return nil
}

// isGroupID reports whether an AXG group can have this id: QuerySubscriptionDetail answers it as an
// int64.
func isGroupID(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil && digits(s, 1, 19)
}

// digits reports whether s is between least and most digits, and nothing else.
func digits(s string, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
