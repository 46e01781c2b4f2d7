package contender

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/handrolled"
	"github.com/seed-5c07c2e9/dyplsq/bench/rig"
)

// Served is dyplsq as programs in other languages use it: over HTTP.
func Served(program string) Contender { return served{ours{program: program}} }

type served struct{ ours }

func (served) Name() string { return "dyplsq serve" }

// Producer starts a server, which ends when the producer is closed.
func (s served) Producer(ctx context.Context, site Site) (Producer, error) {
	counted, err := s.ours.Producer(ctx, site)
	if err != nil {
		return nil, err
	}
	p := &posting{Producer: counted, client: newPoster()}
	if err := p.serve(s.program, site); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, p.awaitOpen(ctx, "/healthz")
}

// posting enqueues over HTTP; what is finished it counts as the library does.
type posting struct {
	Producer

	client     *http.Client
	url, token string
	process    *rig.Process
	folder     string
}

const postersAtOnce = 64

func newPoster() *http.Client {
	return &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: postersAtOnce}, Timeout: time.Minute,
	}
}

func (p *posting) serve(program string, site Site) (err error) {
	if p.folder, err = os.MkdirTemp("", "bench-serve-"); err != nil {
		return err
	}
	address, err := rig.FreeAddress()
	if err != nil {
		return err
	}
	tokens := filepath.Join(p.folder, "tokens")
	text, err := exec.Command(
		program, "token", "new", "bench", "--scope", "enqueue,read,numbers", "--tokens", tokens,
	).Output()
	if err != nil {
		return fmt.Errorf("token new: %w", err)
	}
	p.url, p.token = "http://"+address, strings.TrimSpace(string(text))
	cmd := exec.Command(program, "serve", "--serve-listen", address, "--tokens", tokens)
	cmd.Env = []string{redisSetting(site)}
	p.process, err = rig.Start(cmd, syscall.SIGTERM)
	return err
}

func (p *posting) awaitOpen(ctx context.Context, path string) error {
	const within, every = 20 * time.Second, 20 * time.Millisecond
	for began := time.Now(); ; time.Sleep(every) {
		err := p.send(ctx, http.MethodGet, path, nil, nil)
		if err == nil || p.process.Err() != nil || time.Since(began) > within {
			return errors.Join(err, p.process.Err())
		}
	}
}

// posted is a task as the API takes it.
type posted struct {
	Action  string `json:"action"`
	ID      string `json:"id"`
	Request any    `json:"request"`
}

func postedBind(i int) posted { return posted{"BindAxn", ID(i), bind(i)} }

func (p *posting) Enqueue(ctx context.Context, i int) error {
	return p.send(ctx, http.MethodPost, "/v1/tasks", postedBind(i), nil)
}

func (p *posting) EnqueueBatch(ctx context.Context, from, n int) error {
	batch := make([]posted, n)
	for i := range batch {
		batch[i] = postedBind(from + i)
	}
	return p.send(ctx, http.MethodPost, "/v1/tasks:batch", map[string]any{"tasks": batch}, nil)
}

func (p *posting) Do(ctx context.Context, i int) error {
	if err := p.Enqueue(ctx, i); err != nil {
		return err
	}
	var outcome struct{ State string }
	if err := p.send(ctx, http.MethodGet, "/v1/tasks/"+ID(i)+"?wait=30s", nil, &outcome); err != nil {
		return err
	}
	if outcome.State != "succeeded" {
		return errors.New("the task is " + outcome.State)
	}
	return nil
}

// send makes one request, and reads what is answered.
func (p *posting) send(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		text = nil
	}
	request, err := http.NewRequestWithContext(ctx, method, p.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err
	case answer.StatusCode >= http.StatusMultipleChoices:
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, said)
	case into != nil:
		return json.Unmarshal(said, into)
	}
	return nil
}

func (p *posting) Close() error {
	p.client.CloseIdleConnections()
	if p.process != nil {
		p.process.Stop()
	}
	return errors.Join(p.Producer.Close(), os.RemoveAll(p.folder))
}

// Bare is a handler by hand that enqueues what is posted with asynq.
func Bare() Contender { return bare{} }

const bareName = "bare handler"

type bare struct{ script }

func (bare) Name() string { return bareName }

func (b bare) Producer(ctx context.Context, site Site) (Producer, error) {
	counted, err := b.script.Producer(ctx, site)
	if err != nil {
		return nil, err
	}
	p := &barePosting{posting{Producer: counted, client: newPoster()}}
	if site.Listen, err = rig.FreeAddress(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.url = "http://" + site.Listen
	cmd, err := own(bareName, site, 0)
	if err == nil {
		p.process, err = rig.Start(cmd, syscall.SIGTERM)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, p.awaitOpen(ctx, "/healthz")
}

func runBare(site Site, _ int) error { return handrolled.Serve(site.Listen, site.Redis) }

// barePosting has no batches, and nothing to wait at.
type barePosting struct{ posting }

func (p *barePosting) EnqueueBatch(ctx context.Context, from, n int) error {
	for i := range n {
		if err := p.Enqueue(ctx, from+i); err != nil {
			return err
		}
	}
	return nil
}
