package redistest

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// LeastRule is what the product's user of Redis may do, as ACL SETUSER takes it, and
// LeastRuleOfCluster what it may in a cluster. docs/redis.md has both, and tests hold it to them.
const (
	LeastRule = "~asynq:* ~dypls:* &asynq:* &dypls:* +@read +@write +@connection +@pubsub +@transaction" +
		" -@admin -@dangerous +eval +evalsha +time +wait +info +config|get"
	LeastRuleOfCluster = LeastRule + " +cluster|slots +cluster|keyslot +cluster|nodes +cluster|info"
)

// modeEnv says what Start starts: tls, or nothing for a server in the clear.
const modeEnv = "DYPLSQ_TEST_REDIS"

func overTLS(tb testing.TB) bool {
	tb.Helper()
	switch mode := os.Getenv(modeEnv); mode {
	case "", "plain":
		return false
	case "tls":
		return true
	default:
		tb.Fatalf("%s is %q: set it to tls or plain, or unset it", modeEnv, mode)
		return false
	}
}

// InTheClear skips a test that cannot be run over TLS.
func InTheClear(tb testing.TB, why string) {
	tb.Helper()
	if overTLS(tb) {
		tb.Skip("not over TLS: " + why)
	}
}

// Refused is what the product's user was refused since the server started: a reason and what it
// asked for.
func (s *Server) Refused(tb testing.TB) (refusals []string) {
	tb.Helper()
	client := s.newClient()
	defer func() { _ = client.Close() }()
	// Not by ACLLog: it gives up at what Redis says of a client in the middle of its work.
	entries, err := client.Do(context.Background(), "ACL", "LOG", "100").Slice()
	if err != nil {
		tb.Errorf("ask Redis what it refused: %v", err)
	}
	for _, entry := range entries {
		e, _ := entry.(map[any]any)
		if e["username"] == s.app.Username {
			refusals = append(refusals, fmt.Sprint(e["reason"], " ", e["object"]))
		}
	}
	return refusals
}

// suffices fails the test where the product was refused something.
func (s *Server) suffices(tb testing.TB) {
	tb.Helper()
	if s.cmd == nil {
		return // killed, and its log with it
	}
	for _, refusal := range s.Refused(tb) {
		tb.Errorf("the rule of the product's user lacks a %s", refusal)
	}
}
