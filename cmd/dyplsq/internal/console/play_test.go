package console

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/calls"
)

// TestPlayback: who may listen hears the recording as it was kept, from wherever they like; each
// press of the button is a line of the audit, and nobody else's player, address or guess plays it.
func TestPlayback(t *testing.T) {
	t.Parallel()
	o := newOperation(t)
	c := o.called(1, "order-1", calls.RecordingKept)
	other := o.called(2, "order-2", calls.RecordingKept)
	eve, page := o.as("eve", "en"), "/console/call?id="+c.ID
	status, text := eve.post(page, "/console/call/listen", "id", c.ID, "reason", "a complaint")
	src := regexp.MustCompile(`<audio[^>]* src="([^"]+)"`).FindStringSubmatch(text)
	if status != http.StatusOK || src == nil {
		t.Fatalf("%d: no player:\n%s", status, text)
	}
	o.clean("the player", text, c)
	player := strings.ReplaceAll(src[1], "&amp;", "&")
	if lines := o.lines(c.ID); !slices.Equal(lines, []string{"eve recordings.play a complaint"}) {
		t.Errorf("the audit has %v", lines)
	}
	status, whole := eve.get(player)
	if status != http.StatusOK || int64(len(whole)) != c.Recording.Bytes {
		t.Fatalf("%d with %d bytes, want %d", status, len(whole), c.Recording.Bytes)
	}
	for asked, want := range map[string]string{
		"bytes=0-": whole, "bytes=100-199": whole[100:200], "bytes=-10": whole[len(whole)-10:],
		fmt.Sprintf("bytes=%d-", len(whole)-1): whole[len(whole)-1:],
	} {
		if status, part := eve.do(http.MethodGet, player, "", "Range", asked); status != http.StatusPartialContent || part != want {
			t.Errorf("%s: %d with %d bytes, want %d", asked, status, len(part), len(want))
		}
	}
	if status, _ := eve.do(http.MethodGet, player, "", "Range", "bytes=99999999-"); status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("a part beyond the end: %d", status)
	}
	at, err := url.Parse(player)
	if err != nil {
		t.Fatal(err)
	}
	forged := func(name, value string) string {
		q := at.Query()
		q.Set(name, value)
		return at.Path + "?" + q.Encode()
	}
	ticket := at.Query().Get("ticket")
	for name, test := range map[string]struct {
		who  *person
		path string
		want int
	}{
		"of another call":       {eve, forged("id", other.ID), http.StatusForbidden},
		"without a ticket":      {eve, forged("ticket", ""), http.StatusForbidden},
		"that lasts for longer": {eve, forged("ticket", "zzzzzzz."+ticket[strings.Index(ticket, ".")+1:]), http.StatusForbidden},
		"in another browser":    {o.as("eve", "en"), player, http.StatusForbidden},
		"without the role":      {o.as("ann", "en"), player, http.StatusForbidden},
		"who may only see":      {o.as("bob", "en"), player, http.StatusForbidden},
	} {
		if status, _ := test.who.get(test.path); status != test.want {
			t.Errorf("a player %s: %d", name, status)
		}
	}
	if status, _ := o.as("ann", "en").post(page, "/console/call/listen", "id", c.ID); status != http.StatusForbidden {
		t.Errorf("who may not listen: %d", status)
	}
	o.redis.Client(t).HSet(t.Context(), "dypls:call:{"+c.ID+"}", "recording:location", "file:///etc/passwd")
	if status, text := eve.get(player); status != http.StatusNotFound || strings.Contains(text, "passwd") {
		t.Errorf("what is not in the store: %d %s", status, text)
	}
	if err := os.RemoveAll(o.root); err != nil {
		t.Fatal(err)
	}
	o.redis.Client(t).HSet(t.Context(), "dypls:call:{"+c.ID+"}", "recording:location", c.Recording.Location)
	if status, text := eve.get(player); status != http.StatusBadGateway || strings.Contains(text, o.root) {
		t.Errorf("a store that is away: %d %s", status, text)
	}
	if lines := o.lines(c.ID); len(lines) != 1 {
		t.Errorf("the audit has %v", lines)
	}
}

// TestWholeNumbersOfACall: who may see them sees them, and each look is a line of the audit.
func TestWholeNumbersOfACall(t *testing.T) {
	t.Parallel()
	o := newOperation(t)
	c := o.called(1, "order-1", calls.RecordingNone)
	page := "/console/call?id=" + c.ID
	status, text := o.as("eve", "en").post(page, "/console/call/whole", "id", c.ID)
	if status != http.StatusOK || !strings.Contains(text, "13900000001") || !strings.Contains(text, string(c.SecretNo)) {
		t.Errorf("%d:\n%s", status, text)
	}
	if lines := o.lines(c.ID); !slices.Equal(lines, []string{"eve numbers.show"}) {
		t.Errorf("the audit has %v", lines)
	}
	if status, text = o.as("ann", "en").post(page, "/console/call/whole", "id", c.ID); status != http.StatusForbidden || phone.MatchString(text) {
		t.Errorf("who may not: %d", status)
	}
}
