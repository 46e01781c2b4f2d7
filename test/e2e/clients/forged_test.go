package clients

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/callbacks"
)

// callback is one that the test posts itself.
type callback struct {
	name   string
	header http.Header
	body   string
	right  bool
}

// callbackCases are callbacks that are right and such as an attacker makes of them. The program
// must agree with callbacks.Verify on each.
func callbackCases(t *testing.T) (cases []callback) {
	t.Helper()
	const id, other = "msg_a", "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
	now := time.Now()
	const body = `{"type":"task.finished","timestamp":"2026-01-01T00:00:00.000Z","data":{"id":"signed","state":"succeeded"}}`
	sign := func(secret string, at time.Time) string {
		signature, err := callbacks.Sign(secret, id, at, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	add := func(name string, right bool, at time.Time, signature, body string, change ...string) {
		header := http.Header{}
		header.Set(callbacks.HeaderID, id)
		header.Set(callbacks.HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
		header.Set(callbacks.HeaderSignature, signature)
		for i := 0; i < len(change); i += 2 {
			if header.Set(change[i], change[i+1]); change[i+1] == "" {
				header.Del(change[i])
			}
		}
		cases = append(cases, callback{name, header, body, right})
		if err := callbacks.Verify([]string{secret}, header, []byte(body), time.Now()); (err == nil) != right {
			t.Fatalf("%s: %v", name, err)
		}
	}
	good, others := sign(secret, now), sign(other, now)
	add("as sent", true, now, good, body)
	add("rotating", true, now, others+" "+good, body)
	add("later scheme", true, now, "v1a,"+strings.Repeat("A", 86)+"== "+good, body)
	add("body", false, now, good, strings.Replace(body, "succeeded", "failed", 1))
	add("body made longer", false, now, good, body+" ")
	add("secret", false, now, others, body)
	add("scheme", false, now, strings.Replace(good, "v1,", "v2,", 1), body)
	add("bare", false, now, strings.TrimPrefix(good, "v1,"), body)
	add("cut", false, now, good[:len(good)-4], body)
	add("not base64", false, now, "v1,%%%", body)
	add("empty key", false, now, "v1,"+base64.StdEncoding.EncodeToString(nil), body)
	for name, off := range map[string]time.Duration{"old": -6 * time.Minute, "ahead": 6 * time.Minute} {
		add(name, false, now.Add(off), sign(secret, now.Add(off)), body)
	}
	add("made young", false, now, sign(secret, now.Add(-6*time.Minute)), body)
	add("no time", false, now, good, body, callbacks.HeaderTimestamp, "soon")
	for _, header := range []string{callbacks.HeaderID, callbacks.HeaderTimestamp, callbacks.HeaderSignature} {
		add("without "+header, false, now, good, body, header, "")
	}
	add("id", false, now, good, body, callbacks.HeaderID, "msg_b")
	return cases
}
