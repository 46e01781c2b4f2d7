package dypls

import (
	"slices"
	"strings"
)

// added are the parameters that every call has, and that the client adds by itself.
var added = []string{
	"Action",
	"Version",
	"RegionId",
	"Signature",
	"SignatureMethod",
	"SignatureNonce",
	"SignatureVersion",
	"AccessKeyId",
	"AccessKeySecret",
	"SecurityToken",
	"Timestamp",
	"Format",
}

// alsoCalled are names by which the API's own pages, receipts and answers call something that is a
// parameter elsewhere, and usual ones of programs, folded as fold does: how many letters are
// different tells nothing of these.
var alsoCalled = map[string][]string{
	"secretno": {
		"PhoneNoX",
	},
	"phonenox":   {"SecretNo"},
	"virtualno":  {"PhoneNoX", "SecretNo"},
	"phonex":     {"PhoneNoX", "SecretNo"},
	"partnerkey": {"PoolKey"},
	"poolkey":    {"PartnerKey"},
	"pool":       {"PoolKey"},
	"expiredate": {
		"Expiration",
	},
	"expire":         {"Expiration"},
	"expires":        {"Expiration"},
	"expiretime":     {"Expiration"},
	"expirationtime": {"Expiration"},
	"needrecord": {
		"IsRecordingEnabled",
	},
	"orderid":    {"OutOrderId"},
	"timeout":    {"CallTimeout"},
	"city":       {"ExpectCity"},
	"calledtime": {"CallTime"},
	"extno":      {"Extension"},
	"key":        {"TaskID"},
	"id":         {"TaskID"},
}

// unknownField says what to do about a name that an action does not have, so that a slip of the pen
// is mended at once.
func unknownField(name string, known []string) Problem {
	p := UnknownMember(name, known)
	p.Rule = "is not a parameter of this action"
	if slices.ContainsFunc(added, func(a string) bool { return fold(a) == fold(name) }) {
		p.Remedy, p.Meant = "leave it out: it is added", ""
	}
	return p
}

// Nearest returns which of the known names was probably meant by one that is unknown: none where
// none is near, several where the slip is just where they differ, as in PhoneNo for PhoneNoA and
// PhoneNoB.
func Nearest(name string, known []string) []string {
	const most = 64 // letters of a name; a longer one is near to nothing
	folded := fold(name)
	if folded == "" || len(folded) > most {
		return nil
	}
	var same []string
	for _, k := range known {
		if fold(k) == folded || slices.Contains(alsoCalled[folded], k) {
			same = append(same, k)
		}
	}
	if same != nil {
		slices.Sort(same)
		return same
	}
	near := make([]string, 0, len(known))
	best := allowedSlips(folded) + 1
	for _, k := range known {
		switch distance := editDistance(folded, fold(k)); {
		case distance < best:
			near, best = append(near[:0], k), distance
		case distance == best && len(near) > 0:
			near = append(near, k)
		}
	}
	// The ending tells PhoneNoA, PhoneNoB and PhoneNoX apart: no slip may lead from one to another.
	ending := 0
	for _, k := range near {
		ending = max(ending, commonEnding(folded, fold(k)))
	}
	near = slices.DeleteFunc(
		near,
		func(k string) bool { return commonEnding(folded, fold(k)) < ending },
	)
	slices.Sort(near)
	return near
}

// allowedSlips is how many letters of a name may be wrong: a fourth of them.
func allowedSlips(name string) int {
	const short, perSlip = 6, 4
	if len(name) < short {
		return len(name) / perSlip
	}
	return max(2, len(name)/perSlip) //nolint:mnd // PhoneA
}

// fold writes the spellings of a name alike: out_id, OUTID and OutId, PhoneNumberA and PhoneNoA.
func fold(name string) string {
	name = strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
	return strings.Replace(name, "number", "no", 1)
}

func orOf(names []string) string {
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// commonEnding counts the letters in which a and b end alike.
func commonEnding(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// editDistance counts the insertions, deletions, replacements and swaps of neighbours that turn a
// into b (Damerau, Levenshtein).
func editDistance(a, b string) int {
	earlier, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], earlier[j-1]+1)
			}
		}
		earlier, row = row, next
	}
	return row[len(b)]
}
