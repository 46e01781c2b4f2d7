package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestList: tasks are found by state, code and action, page by page, and masked.
func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const canceled = 5
	for i := range canceled {
		w.canceled(fmt.Sprint("canceled-", i))
	}
	w.enqueued("pending")
	type page struct {
		Tasks []struct {
			ID    string `json:"id"`
			State string `json:"state"`
		} `json:"tasks"`
		Next string `json:"next"`
	}
	for query, want := range map[string]int{
		"": canceled + 1, "state=failed": canceled, "state=pending": 1, "state=failed,pending": canceled + 1, "state=succeeded": 0, "code=dyplsq.Canceled": canceled,
		"action=BindAxn": canceled + 1, "action=BindAxb": 0, "account=default": canceled + 1, "account=shop": 0, "since=1h": canceled + 1, "since=2099-01-31T23:59:59Z": 0,
	} {
		seen := 0
		for cursor := ""; ; {
			var p page
			got := w.do(http.MethodGet, "/v1/tasks?limit=2&"+query+"&cursor="+cursor, "")
			if got.into(t, &p); got.Status != http.StatusOK || strings.Contains(got.Body, "12345678") {
				t.Fatalf("%s: %d %s", query, got.Status, got.Body)
			}
			seen += len(p.Tasks)
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		if seen != want {
			t.Errorf("%s: %d tasks, want %d", query, seen, want)
		}
	}
	for query, field := range map[string]string{
		"state=gone": "state", "action=bind": "action", "account=a/b": "account", "cursor=x": "cursor", "limit=0": "limit", "since=yesterday": "since", "status=failed": `"status"`,
	} {
		if got := w.do(http.MethodGet, "/v1/tasks?"+query, ""); got.problem(t).Errors[0].Field != field {
			t.Errorf("%s: %s", query, got.Body)
		}
	}
}
