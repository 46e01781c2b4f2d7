package clients

import (
	"net/http"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

const (
	secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	phone  = "13900000001"
	expiry = "2099-01-31 23:59:59"
)

// TestClients: each program binds, repeats under the same key what a server without Redis refuses
// and what a dead one does not take, waits for the outcome, receives the callback of it, refuses
// forged ones, and says what is wrong with a request.
func TestClients(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts programs in four languages")
	}
	for _, p := range programs {
		t.Run(p.language, func(t *testing.T) {
			t.Parallel()
			p.require(t)
			s := systemtest.New(t, dyplstest.Config{}, "--appendonly", "yes")
			address := systemtest.FreeAddress(t)
			receiver := p.receive(t, address)
			api := serve(t, s, "http://"+address+"/dyplsq")
			s.Worker(t)

			s.Redis.Kill()
			binding := p.start(t, api.environment(), "bind", "order/1", dyplstest.DefaultPoolKey, phone, expiry)
			const refused, repeated = "503 Redis is out of reach; repeating in ", "; repeating in "
			redistest.Poll(t, systemtest.StartWithin, "the request to be refused, and repeated", binding.Wrote(refused))
			api.process.Kill(t)
			redistest.Poll(t, systemtest.StartWithin, "a request that nobody takes to be repeated", systemtest.Until(func() bool {
				return strings.Count(binding.Text(), repeated) > strings.Count(binding.Text(), refused)
			}))
			s.Redis.Restart(t)
			api.start(t, s)
			redistest.Poll(t, systemtest.StartWithin, "the outcome", systemtest.Until(func() bool {
				select {
				case <-binding.Done:
					return true
				default:
					return false
				}
			}))
			told := binding.Text()
			if status := binding.Cmd.ProcessState.ExitCode(); status != 0 || !strings.Contains(strings.ReplaceAll(told, `": "`, `":"`), `"state":"succeeded"`) {
				t.Errorf("exit status %d: %s", status, dypls.Scrub(told))
			}
			if n, surplus := s.AllPerformed(), s.Surplus(); n != 1 || surplus != 0 {
				t.Errorf("%d calls took effect, %d binds were made twice", n, surplus)
			}
			redistest.Poll(t, systemtest.StartWithin, "the callback", receiver.Wrote(" task.finished order/1 succeeded"))
			if r := systemtest.Run(t, s.Env, "", "callbacks", "test", "shop", "--callbacks", api.callbacks); r.Status != systemtest.StatusOK {
				t.Errorf("exit status %d: %s%s", r.Status, r.Out, r.Errors)
			}
			redistest.Poll(t, systemtest.StartWithin, "the event that tests", receiver.Wrote(" callback.test shop"))
			systemtest.NoNumbers(t, "what the program wrote", told+receiver.Text())

			p.tellsProblem(t, api.environment())
			right := refusesForged(t, "http://"+address+"/dyplsq")
			redistest.Poll(t, systemtest.StartWithin, "the callbacks that are right, and no other", systemtest.Until(func() bool {
				return strings.Count(receiver.Text(), " task.finished signed succeeded") == right
			}))
		})
	}
}

// tellsProblem: a request that is not valid ends the program with what is
// wrong and what to do about it.
func (p program) tellsProblem(t *testing.T, env []string) {
	t.Helper()
	cmd := p.command("bind", "order-2", dyplstest.DefaultPoolKey, phone, "tomorrow")
	r := systemtest.RunProgram(t, cmd[0], env, "", cmd[1:]...)
	if r.Status != 1 || r.Out != "" {
		t.Errorf("exit status %d: %s", r.Status, dypls.Scrub(r.Out))
	}
	for _, words := range []string{"422 The request is not valid. Nothing was done.", "\n  Expiration: must be ", "; "} {
		if !strings.Contains(r.Errors, words) {
			t.Errorf("the program does not say %q: %s", words, r.Errors)
		}
	}
	systemtest.NoNumbers(t, "what is wrong", r.Errors)
}

// refusesForged posts callbacks that somebody else made, and some that are right. It
// returns how many those are.
func refusesForged(t *testing.T, url string) (right int) {
	t.Helper()
	for _, c := range callbackCases(t) {
		headers := []string{"Content-Type", "application/json"}
		for name, values := range c.header {
			headers = append(headers, name, values[0])
		}
		want := http.StatusUnauthorized
		if c.right {
			want = http.StatusNoContent
			right++
		}
		if status, _ := systemtest.Do(t, http.MethodPost, url, c.body, headers...); status != want {
			t.Errorf("%s: status %d, want %d", c.name, status, want)
		}
	}
	return right
}
