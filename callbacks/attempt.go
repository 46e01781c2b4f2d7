package callbacks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

const (
	// answerWithin is how long an endpoint has, from the first step towards it
	// to the end of its answer.
	answerWithin = 15 * time.Second
	// mostAnswer is how much of an answer is read, so that its connection can be used
	// again. Nothing of it is kept.
	mostAnswer  = 64 << 10
	mostHeaders = 16 << 10
)

// Attempt is what came of sending one callback.
type Attempt struct {
	// Status is the endpoint's, 0 where it gave none.
	Status int `json:"status,omitempty"`
	// Error says why it failed, without the URL; "" for a 2xx.
	Error string `json:"error,omitempty"`
	// Took is how long it took.
	Took time.Duration `json:"-"`

	rest time.Duration // of a Retry-After
	cut  bool          // by the end of this process
}

// Delivered reports whether the endpoint has taken it.
func (a Attempt) Delivered() bool { return a.Error == "" }

// poster sends to one endpoint.
type poster struct {
	endpoint Endpoint
	client   *http.Client
	now      func() time.Time
}

// newPoster returns what connects to an endpoint by itself: a proxy of the environment would look
// names up where the guard does not see it.
func newPoster(e Endpoint, c Config) *poster {
	const (
		idle  = 90 * time.Second
		conns = 2 * parallel
	)
	transport := &http.Transport{
		DialContext:            guardedDialer(c.resolver, e.AllowPrivate).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.roots},
		TLSHandshakeTimeout:    dialTimeout,
		MaxResponseHeaderBytes: mostHeaders,
		MaxConnsPerHost:        conns,
		IdleConnTimeout:        idle,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	return &poster{
		endpoint: e,
		now:      c.now,
		client: &http.Client{
			Transport: transport,
			// where it leads is not where the operator wanted to send it
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

func (p *poster) close() { p.client.CloseIdleConnections() }

// send sends a body once.
func (p *poster) send(ctx context.Context, id string, body []byte) Attempt {
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	a := p.post(within, id, body)
	a.Took = time.Since(began)
	a.cut = a.Status == 0 && ctx.Err() != nil
	return a
}

func (p *poster) post(ctx context.Context, id string, body []byte) Attempt {
	request, err := http.NewRequestWithContext(
		ctx, http.MethodPost, p.endpoint.URL, bytes.NewReader(body),
	)
	if err != nil {
		return Attempt{Error: "the URL cannot be used"}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "dyplsq")
	if origin := tracing.OriginOf(ctx); origin.Parent != "" {
		request.Header.Set("Traceparent", origin.Parent)
	}
	if err := p.sign(request.Header, id, body); err != nil {
		return Attempt{Error: err.Error()}
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return Attempt{Error: reasonOf(err)}
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, mostAnswer))
	_ = answer.Body.Close()
	a := Attempt{Status: answer.StatusCode}
	switch {
	case a.Status >= 200 && a.Status < 300:
	case a.Status >= 300 && a.Status < 400:
		a.Error = "it answered " + strconv.Itoa(a.Status) + ", and redirects are not followed"
	default:
		a.Error = "it answered " + strconv.Itoa(a.Status)
	}
	if a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable {
		a.rest = retryAfter(answer.Header, p.now())
	}
	return a
}

// sign adds the headers of Standard Webhooks, with a signature by each secret.
func (p *poster) sign(header http.Header, id string, body []byte) error {
	now := p.now()
	signatures := make([]string, len(p.endpoint.Secrets))
	for i, secret := range p.endpoint.Secrets {
		var err error
		if signatures[i], err = Sign(secret, id, now, body); err != nil {
			return err
		}
	}
	header.Set(HeaderID, id)
	header.Set(HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
	header.Set(HeaderSignature, strings.Join(signatures, " "))
	return nil
}

// reasonOf says why there is no answer, without the URL, which may hold a secret.
func reasonOf(err error) string {
	if wrapped, is := errors.AsType[*url.Error](err); is {
		err = wrapped.Err
	}
	refused, isRefused := errors.AsType[addressError](err)
	name, isName := errors.AsType[*net.DNSError](err)
	timeout, isTimeout := errors.AsType[net.Error](err)
	certificate, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, isPlain := errors.AsType[tls.RecordHeaderError](err)
	_, isAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	operation, isOperation := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return "it was cut off by the end of this process"
	case isRefused:
		return "it leads to " + refused.what + ", which is refused"
	case isName && name.IsNotFound:
		return "its name is not known"
	case isName:
		return "its name cannot be looked up"
	case isTimeout && timeout.Timeout():
		return "it did not answer in time"
	case isPlain:
		return "it does not speak TLS"
	case isAuthority:
		return "its certificate is of an authority that this machine does not trust"
	case isCertificate:
		return "its certificate is refused: " + dypls.Scrub(certificate.Err.Error())
	case isOperation && operation.Op == "dial":
		return "it cannot be connected to: " + dypls.Scrub(operation.Err.Error())
	}
	return "it gave no answer of HTTP"
}
