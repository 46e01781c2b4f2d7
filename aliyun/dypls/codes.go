package dypls

import (
	"slices"
	"strings"
)

// CodeOK is success, for every action of this package.
const CodeOK = "OK"

// Layer tells who answers with a code.
type Layer string

// The layers, from the outside in.
const (
	LayerOurs    Layer = "dyplsq"  // this program, where no answer decided
	LayerGateway Layer = "gateway" // Alibaba Cloud's API gateway, before the service is reached
	LayerService Layer = "service" // the number-privacy service
)

// Scope tells how far a [Denied] or [Throttled] reaches: what else fails in the same way until it
// is mended.
type Scope string

// The scopes.
const (
	ScopeRequest Scope = "request"
	ScopePool    Scope = "pool"
	ScopeAction  Scope = "account and action"
	ScopeAccount Scope = "account"
)

// CodeInfo is one row of the table of codes: the fact, and what follows from it.
type CodeInfo struct {
	Code    string `json:"code"` // a trailing * stands for any ending
	Layer   Layer  `json:"layer"`
	Chinese string `json:"chinese"`
	English string `json:"english"`
	Class   Class  `json:"class"` // "" for OK
	Scope   Scope  `json:"scope"`
	// MayHaveRun: the action may have taken effect all the same.
	MayHaveRun bool   `json:"may_have_run"`
	Does       string `json:"does"` // what the system does
	Why        string `json:"why"`
}

// Codes returns the table of all known codes, ours first, then the gateway's, then the service's.
func Codes() []CodeInfo { return slices.Clone(codeTable) }

// LookupCode returns the row of a code: its own, or else that of the longest family (Missing*,
// Throttling.*) it belongs to.
func LookupCode(code string) (CodeInfo, bool) {
	if i, ok := codeIndex[code]; ok {
		return codeTable[i], true
	}
	best := -1
	for i, row := range codeTable {
		family, isFamily := strings.CutSuffix(row.Code, "*")
		if !isFamily || len(code) <= len(family) || !strings.HasPrefix(code, family) {
			continue
		}
		if best < 0 || len(row.Code) > len(codeTable[best].Code) {
			best = i
		}
	}
	if best < 0 {
		return CodeInfo{}, false
	}
	return codeTable[best], true
}

var codeIndex = func() map[string]int {
	index := make(map[string]int, len(codeTable))
	for i, row := range codeTable {
		index[row.Code] = i
	}
	return index
}()
