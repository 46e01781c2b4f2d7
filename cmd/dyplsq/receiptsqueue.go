package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/metrics"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// receiptsQueueFlags say from which of the platform's queues receipts are taken.
type receiptsQueueFlags struct {
	ReceiptsQueue         []string `env:"DYPLSQ_RECEIPTS_QUEUE" help:"A queue of the platform from which receipts of a type are taken, such as SecretReport=Alicom-Queue-1234567890123456-SecretReport; may be repeated." placeholder:"TYPE=QUEUE"`
	ReceiptsTokenEndpoint string   `default:"https://dybaseapi.aliyuncs.com" env:"DYPLSQ_RECEIPTS_TOKEN_ENDPOINT" help:"Where tokens for the queues are asked for (${default}); plain http:// only to a loopback address." placeholder:"URL"`
	ReceiptsQueueEndpoint string   `default:"https://1943695596114318.mns.cn-hangzhou.aliyuncs.com" env:"DYPLSQ_RECEIPTS_QUEUE_ENDPOINT" help:"Where the queues are (${default}); plain http:// only to a loopback address." placeholder:"URL"`
}

// queuePuller takes receipts from queues, with the credentials of an account.
type queuePuller struct {
	*calls.Puller

	tokens *aliyun.Client
}

// puller returns nil where no queue is given.
func (f receiptsQueueFlags) puller(
	store *calls.Store,
	wire wireFlags,
	account string,
) (*queuePuller, error) {
	if len(f.ReceiptsQueue) == 0 {
		return nil, nil //nolint:nilnil // no queue, no error
	}
	var problems []error
	var queues []calls.Queue
	for _, text := range f.ReceiptsQueue {
		q, err := calls.ParseQueue(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("--receipts-queue (DYPLSQ_RECEIPTS_QUEUE): %w", err))
			continue
		}
		queues = append(queues, q)
	}
	var credentials aliyun.Credentials
	if account != "" && account != tasks.DefaultAccount {
		credentials = aliyun.ProfileCredentials(account)
	}
	tokens, err := wire.clientOf(f.ReceiptsTokenEndpoint, len(f.ReceiptsQueue), credentials)
	if err != nil {
		problems = append(problems, fmt.Errorf("--receipts-token-endpoint: %w", err))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, usage(err.Error())
	}
	p, err := store.Puller(calls.PullerConfig{
		Queues:   queues,
		Account:  account,
		Tokens:   tokens,
		Endpoint: f.ReceiptsQueueEndpoint,
		Insecure: wire.Insecure,
		Proxy:    proxyOfSecured,
	})
	if err != nil {
		return nil, usage("--receipts-queue, --receipts-queue-endpoint: " + err.Error())
	}
	return &queuePuller{p, tokens}, nil
}

// proxyOfSecured is the environment's for https alone: it then learns nothing but host and port.
func proxyOfSecured(r *http.Request) (*url.URL, error) {
	if r.URL.Scheme != "https" {
		return nil, nil //nolint:nilnil // no proxy, no error
	}
	return http.ProxyFromEnvironment(r)
}

// checkCredentials ends the command where there is no source of credentials at all. One that is out
// of reach is asked again when a token is needed: pushes must be taken in meanwhile.
func (p *queuePuller) checkCredentials(ctx context.Context, log zerolog.Logger) error {
	err := p.tokens.CheckCredentials(ctx)
	if errors.Is(err, aliyun.ErrNoCredentials) {
		return usage("--receipts-queue: " + err.Error())
	}
	if err != nil {
		log.Warn().Err(err).Msg("credentials out of reach; trying again")
	}
	return nil
}

// pull takes messages until ctx is done.
func (p *queuePuller) pull(ctx context.Context) {
	p.Run(ctx)
	_ = p.tokens.Close()
}

// shown are the queues as metrics show them.
func (p *queuePuller) shown() []metrics.ReceiptQueue {
	all := p.Status()
	shown := make([]metrics.ReceiptQueue, len(all))
	for i, q := range all {
		shown[i] = metrics.ReceiptQueue{Type: q.Type, Name: q.Name, Pulled: q.State == calls.QueuePulled}
	}
	return shown
}

// ready tells which queues are not pulled. That some are not keeps no receiver from taking in
// pushes and the other queues: it is not ready only where there is nothing else.
func (p *queuePuller) ready(listens bool) check {
	all := p.Status()
	var texts []string
	for _, q := range all {
		if q.State != calls.QueuePulled {
			texts = append(texts, q.Name+" "+string(q.State))
		}
	}
	if texts == nil {
		return check{true, "all are pulled"}
	}
	return check{
		listens || len(texts) < len(all), strings.Join(texts, ", ") + "; dyplsq doctor says why",
	}
}
