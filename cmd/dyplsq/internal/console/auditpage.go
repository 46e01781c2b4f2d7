package console

import (
	"strconv"

	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
)

// auditList is what the page of the audit shows.
type auditList struct {
	By, Action, Target string

	Lines    []auditLine
	Next     string
	Filtered bool
}

// auditLine is a line with its details in order.
type auditLine struct {
	audit.Entry

	Details []pair
}

// auditPage tells who did what, when and why, the latest first.
func auditPage(r *request) (answer, error) {
	if err := r.read(); err != nil {
		return answer{}, err
	}
	size, err := r.size()
	if err != nil {
		return answer{}, err
	}
	list := auditList{By: r.field("by"), Action: r.field("action"), Target: r.field("target")}
	list.Filtered = list.By+list.Action+list.Target != ""
	entries, next, err := r.console.Audit.Read(r.Context(), audit.Filter{
		By: list.By, Action: list.Action, Target: list.Target, Before: r.field("cursor"), Limit: size,
	})
	if err != nil {
		return answer{}, err
	}
	for _, e := range entries {
		list.Lines = append(list.Lines, auditLine{e, pairs(e.Detail)})
	}
	if next != "" {
		list.Next = link("audit", "by", list.By, "action", list.Action, "target", list.Target,
			"size", strconv.Itoa(size), "cursor", next)
	}
	return answer{page: "audit", data: list}, nil
}
