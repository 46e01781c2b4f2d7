package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/archive"
	"github.com/seed-5c07c2e9/dyplsq/callbacks"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const receiptsSecret = "a-secret-of-the-test-0123"

// operation is a world in which a worker binds, people call, and recordings are kept.
type operation struct {
	*world

	root string // of the archive
	told *httptest.Server
	gone atomic.Bool // the endpoint answers 410
}

func newOperation(t *testing.T) *operation {
	t.Helper()
	var receipts atomic.Pointer[http.Handler]
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*receipts.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(receiver.Close)
	o := &operation{root: t.TempDir()}
	o.told = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if o.gone.Load() {
			w.WriteHeader(http.StatusGone)
		}
	}))
	t.Cleanup(o.told.Close)
	o.world = newWorld(t, dyplstest.Config{
		Calls:    dyplstest.Calls{Scale: 0.001},
		Receipts: dyplstest.Receipts{Push: dyplstest.PushAll(receiver.URL + "/receipts/" + receiptsSecret), AnswerWithin: time.Minute},
	})
	store := o.console.Calls
	handler, err := store.Handler(calls.HandlerConfig{Secrets: []string{receiptsSecret}})
	if err != nil {
		t.Fatal(err)
	}
	receipts.Store(&handler)
	o.run(store.Run)
	kept, err := archive.Open("file://" + o.root)
	if err != nil {
		t.Fatal(err)
	}
	o.console.Archive = played{kept}
	keeper, err := archive.New(archive.Config{
		Calls: store, Queue: o.queue, Store: kept, Retry: 50 * time.Millisecond, Spool: t.TempDir(), Logger: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.run(keeper.Run)
	o.console.Callbacks, err = callbacks.New(callbacks.Config{
		Queue: o.queue, Calls: store, Redis: o.address(), Logger: zerolog.Nop(), Endpoints: []callbacks.Endpoint{{
			Name: "crm", URL: o.told.URL + "/hush", AllowPrivate: true, Secrets: []string{"whsec_" + strings.Repeat("QUJD", 11)},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.console.Callbacks.Close() })
	o.work()
	return o
}

func (o *operation) address() tasks.RedisConfig {
	s := o.redis
	return tasks.RedisConfig{URL: s.URL(), CAFile: s.CAFile, CertFile: s.CertFile, KeyFile: s.KeyFile, ServerName: s.ServerName}
}

// run runs something until the test ends.
func (o *operation) run(does func(context.Context) error) {
	o.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := does(ctx); err != nil && ctx.Err() == nil {
			o.t.Error(err)
		}
	}()
	o.t.Cleanup(func() { cancel(); <-ended })
}

// played opens recordings as the command does.
type played struct{ store archive.Store }

// Open implements [Archive].
func (p played) Open(ctx context.Context, location string) (Recording, error) {
	return archive.NewPlayer(ctx, p.store, location)
}

// called has the binding of a task called, and waits until the call's recording has a state.
func (o *operation) called(n int, task string, state calls.RecordingState) calls.Call {
	o.t.Helper()
	o.bind(n, task)
	o.becomes(task, "succeeded")
	outcome, err := o.queue.Outcome(o.t.Context(), task)
	if err != nil {
		o.t.Fatal(err)
	}
	subs := regexp.MustCompile(`"SubsId":"([^"]+)"`).FindSubmatch(outcome.Result)
	placed, err := o.sim.PlaceCall(dyplstest.Dial{
		SubsID: string(subs[1]), Caller: dypls.Phone(fmt.Sprintf("139%08d", n)), Callee: "13911111111",
		Recorded: new(state != calls.RecordingNone), Length: 90 * time.Second,
	})
	if err != nil {
		o.t.Fatal(err)
	}
	var c calls.Call
	redistest.Poll(o.t, patience, "the recording to be "+string(state), func(ctx context.Context) error {
		if c, err = o.console.Calls.Get(ctx, placed.CallID); err != nil {
			return err
		}
		if !c.Ended || c.Recording.State != state {
			return fmt.Errorf("it is %s: %s", c.Recording.State, c.Recording.Reason)
		}
		return nil
	})
	return c
}

// lines are those of the audit about something.
func (o *operation) lines(target string) (lines []string) {
	o.t.Helper()
	all, _, err := o.audit.Read(o.t.Context(), audit.Filter{Target: target, Limit: 100})
	if err != nil {
		o.t.Fatal(err)
	}
	for _, e := range all {
		lines = append(lines, strings.TrimSpace(e.By+" "+e.Action+" "+e.Reason))
	}
	slices.Sort(lines)
	return lines
}

// TestOperationsPages: what each page shows of a working day, in both languages, to those who may
// do everything and to those who may only see, and no number anywhere.
func TestOperationsPages(t *testing.T) {
	t.Parallel()
	o := newOperation(t)
	c := o.called(1, "order-1", calls.RecordingKept)
	o.imported("FC-shop", 20)
	o.sampled()
	for lang, says := range map[string]map[string][]string{
		"en": {
			"now":   {"Now", "Succeeded, last hour", "Calls a second", "BindAxn: calls a second, of those allowed", "Workers", "DYPLSQ_KEEP", "FC-shop", "no trend yet", "Show as a table"},
			"calls": {"Calls", "answered", "1 min 30 s", "kept", "order-1"}, "call": {"170****", "139****0001", "order-1", "BindAxn", "SecretReport", "recording kept", "SHA-256"},
			"recordings": {"Recordings", "No recording is missing."}, "numbers": {"FC-shop", "no trend yet"}, "pool": {"FC-shop", "By city", "上海", "None for longer than five minutes."},
			"callbacks": {"Callbacks", "crm", "told", o.told.URL, "Given up"},
		},
		"zh-CN": {
			"now": {"现状", "近 1 小时成功", "每秒调用数", "BindAxn：每秒调用数与配额", "FC-shop", "数据不足，暂无趋势", "查看数据表"}, "calls": {"通话", "已接通", "已保存"}, "call": {"170****", "通话信息", "录音"},
			"recordings": {"没有缺失的录音"}, "numbers": {"号码池", "FC-shop"}, "pool": {"FC-shop", "按城市", "上海"}, "callbacks": {"回调", "crm", "正常"},
		},
	} {
		for _, user := range []string{"eve", "bob"} {
			p := o.as(user, lang)
			for page, texts := range says {
				path := Root + map[string]string{"call": "call?id=" + c.ID, "pool": "pool?key=FC-shop"}[page]
				if path == Root {
					path += page
				}
				text := p.shows(path, texts...)
				o.clean(path, text, c)
				if posts := strings.Contains(text, `method="post"`); user == "bob" && posts {
					t.Errorf("%s: who may only see is shown what to press", path)
				}
			}
			for _, more := range []string{"now?of=24h", "now?of=14d", "now?of=x", "pool?key=FC-shop&of=7d", "calls?recording=kept&since=1h", "calls?task=order-1", "calls?recording=missing", "recordings?state=kept", "recordings?state=lost"} {
				o.clean(more, p.shows(Root+more), c)
			}
		}
	}
}

// clean fails where a page shows where the store is, or a link, a secret or a path of an endpoint.
func (o *operation) clean(what, page string, c calls.Call) {
	o.t.Helper()
	for _, hidden := range []string{"whsec_", "hush", o.root, "file://", c.Recording.Location, string(c.SecretNo), string(c.PeerNo), "Signature="} {
		if hidden != "" && strings.Contains(page, hidden) {
			o.t.Errorf("%s shows %q", what, hidden)
		}
	}
}

// imported gives a pool numbers of a city, and some whose city is not known.
func (o *operation) imported(pool string, n int) {
	o.t.Helper()
	var numbers []inventory.Number
	for i := range n {
		numbers = append(numbers, inventory.Number{X: dypls.Phone(fmt.Sprintf("170%08d", 99000000+i)), City: []string{"上海", ""}[i%2]})
	}
	if _, err := inventory.New(o.redis.Client(o.t), inventory.AsLeased).Import(o.t.Context(), pool, numbers); err != nil {
		o.t.Fatal(err)
	}
}

// sampled waits until the history has what the worker did, and how things stood.
func (o *operation) sampled() {
	o.t.Helper()
	client := o.redis.Client(o.t)
	client.Del(o.t.Context(), "dypls:history:sampled")
	redistest.Poll(o.t, patience, "the history", func(ctx context.Context) error {
		for _, kind := range []string{"tasks", "queues", "quota"} {
			if len(client.Keys(ctx, "dypls:history:{"+kind+"}:minutes:*").Val()) == 0 {
				return errors.New(kind + " has none")
			}
		}
		return nil
	})
}

// TestHoldsAreShown: what keeps tasks from being performed, and until when.
func TestHoldsAreShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	client, now := w.redis.Client(t), time.Now()
	if err := w.queue.Pause(t.Context(), "query"); err != nil {
		t.Fatal(err)
	}
	if err := presence.Missing(t.Context(), client, "spare"); err != nil {
		t.Fatal(err)
	}
	if err := presence.Announce(t.Context(), client, "shop"); err != nil {
		t.Fatal(err)
	}
	micros := func(d time.Duration) int64 { return now.Add(d).UnixMicro() }
	client.HSet(t.Context(), "dypls:quota:{shop:BindAxn}", "rate", "12.5", "fell", micros(-time.Minute), "probe", micros(90*time.Second))
	client.HSet(t.Context(), breakers.Key("default"), breakers.Account,
		fmt.Sprintf("%d 0 0 - %d isv.AccountAbnormal", now.Add(70*time.Second).UnixMilli(), now.Add(-time.Hour).UnixMilli()))
	p := w.as("bob", "en")
	p.shows(Root+"now", "What is held up", "throttled", "BindAxn", "shop", "denied", "all calls of the account", "isv.AccountAbnormal",
		"next try in 1 min", "paused", "query", "unknown account", "spare", "No worker runs.", "1 h ago")
	w.as("bob", "zh").shows(Root+"now", "受阻的调用", "被限流", "该账号的全部调用", "账号未配置", "没有 worker 在运行")
}
