package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

const (
	// mostBytes is far more than the longest call has.
	mostBytes = 1 << 30
	// chunk is how much is read at a time.
	chunk = 32 << 10
	// stalled is when a download of which nothing comes any more counts as cut.
	stalled = 30 * time.Second
	// mostFruitless is how many answers in a row may bring nothing.
	mostFruitless = 4
	// mostFaulty is how many whole files may be wrong: truncated on the way, most likely.
	mostFaulty = 3
	// mostLinks is how many links one download may use up.
	mostLinks = 20
)

var (
	errCut    = errors.New("the download is cut again and again")
	errFaulty = errors.New("what comes is not what was sent: length or checksum differ")
	errEmpty  = errors.New("the file is empty")
	errNoFile = errors.New("what the link leads to is no recording")
	errTooBig = errors.New("the file is longer than 1 GiB")
	errDenied = errors.New("new links are refused, too")
	errGone   = errors.New("the link leads nowhere: there is no such file")
)

// newLink returns the link to use; another than the last where that is dead.
type newLink func(ctx context.Context, dead bool) (dypls.SignedURL, error)

// fetcher downloads.
type fetcher struct {
	client    *http.Client
	bandwidth *rate.Limiter // nil for as fast as it comes
	pause     time.Duration // after a fruitless answer; it doubles
	now       func() time.Time
}

func newFetcher(bandwidth int) *fetcher {
	const (
		connect = 10 * time.Second
		pause   = 200 * time.Millisecond
	)
	f := &fetcher{
		client: &http.Client{
			Transport: &http.Transport{
				Proxy:                 http.ProxyFromEnvironment,
				DialContext:           (&net.Dialer{Timeout: connect}).DialContext,
				TLSHandshakeTimeout:   connect,
				ResponseHeaderTimeout: stalled,
				IdleConnTimeout:       time.Minute,
				DisableCompression:    true,
				ForceAttemptHTTP2:     true,
			},
			// a link is signed for where it leads
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		pause: pause,
		now:   time.Now,
	}
	if bandwidth > 0 {
		f.bandwidth = rate.NewLimiter(rate.Limit(bandwidth), chunk)
	}
	return f
}

// fetch downloads a recording into a file. What was cut goes on where it ended, by another link
// where the last is dead. It returns once length, checksum and beginning are right.
func (f *fetcher) fetch(ctx context.Context, into *os.File, next newLink) (*spool, error) {
	s, err := newSpool(into)
	if err != nil {
		return nil, err
	}
	d := download{fetcher: f, spool: s, next: next}
	for {
		err := d.step(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, err
		case d.done:
			return s, nil
		}
	}
}

// download is one file on its way.
type download struct {
	*fetcher

	spool *spool
	next  newLink

	link      dypls.SignedURL
	soon      time.Time // when the link is replaced; zero for never
	links     int
	fresh     bool // nothing has come by this link yet
	fruitless int
	faulty    int
	done      bool
}

// due reports whether a link is to be got before anything else is done.
func (d *download) due() bool {
	return d.link == "" || !d.soon.IsZero() && !d.now().Before(d.soon)
}

// step makes one request. Its error is final.
func (d *download) step(ctx context.Context) error {
	if d.due() {
		if err := d.renew(ctx, d.link != ""); err != nil {
			return err
		}
	}
	before := d.spool.size
	status, err := d.request(ctx)
	switch {
	case errors.Is(err, errLink), errors.Is(err, errSpool), errors.Is(err, errTooBig):
		return err
	case status == http.StatusForbidden:
		if d.fresh && d.links > 1 {
			return errDenied
		}
		return d.renew(ctx, true)
	case status == http.StatusNotFound:
		return errGone
	case status == http.StatusRequestedRangeNotSatisfiable:
		err = d.spool.restart()
		d.fruitless++
	case err == nil && d.spool.complete():
		return d.check()
	}
	return d.goOn(ctx, d.spool.size > before, err)
}

// goOn rests a little after an answer that did not bring all. Its error is final.
func (d *download) goOn(ctx context.Context, brought bool, err error) error {
	if errors.Is(err, errSpool) {
		return err
	}
	if brought {
		d.fruitless, d.fresh = 0, false
	} else if d.fruitless++; d.fruitless >= mostFruitless {
		return errors.Join(errCut, plain(err))
	}
	return d.rest(ctx)
}

func (d *download) rest(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d.pause << d.fruitless):
		return nil
	}
}

// renew gets a link that works, before the old one dies or because it has.
func (d *download) renew(ctx context.Context, dead bool) error {
	if d.links++; d.links > mostLinks {
		return errDenied
	}
	link, err := d.next(ctx, dead)
	if err != nil {
		return err
	}
	d.link, d.fresh, d.soon = link, true, time.Time{}
	if ends := link.ExpiresAt(); !ends.IsZero() {
		const soon, share = 10 * time.Second, 4
		d.soon = ends.Add(-min(soon, max(ends.Sub(d.now())/share, 0)))
	}
	return nil
}

// check ends the download, or begins it anew where the file is wrong.
func (d *download) check() error {
	err := d.spool.check()
	if !errors.Is(err, errFaulty) {
		d.done = err == nil
		return err
	}
	if d.faulty++; d.faulty >= mostFaulty {
		return err
	}
	return d.spool.restart()
}

// request asks for what is missing, and takes it in. Whatever the error, what came before is in the
// spool.
func (d *download) request(ctx context.Context) (status int, err error) {
	link, err := secured(d.link)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return 0, errLink
	}
	if d.spool.size > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.spool.size))
	}
	answer, err := d.client.Do(request)
	if err != nil {
		return 0, plain(err)
	}
	defer func() { _ = answer.Body.Close() }()
	switch answer.StatusCode {
	case http.StatusOK:
		err = d.spool.whole(answer)
	case http.StatusPartialContent:
		err = d.spool.part(answer)
	default:
		return answer.StatusCode, fmt.Errorf("status %d", answer.StatusCode)
	}
	if err != nil {
		return answer.StatusCode, err
	}
	watch := time.AfterFunc(stalled, func() { cancel(errCut) })
	defer watch.Stop()
	return answer.StatusCode, plain(d.take(ctx, answer.Body, watch))
}

// take copies a body into the spool, no faster than it may come.
func (d *download) take(ctx context.Context, body io.Reader, watch *time.Timer) error {
	buffer := make([]byte, chunk)
	for {
		n, err := body.Read(buffer)
		watch.Reset(stalled)
		if n > 0 {
			if err := d.spool.add(buffer[:n]); err != nil {
				return err
			}
			if d.bandwidth != nil {
				if err := d.bandwidth.WaitN(ctx, n); err != nil {
					return err
				}
			}
			watch.Reset(stalled)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// plain is an error without the link that net/http writes into it.
func plain(err error) error {
	if wrapped, is := errors.AsType[*url.Error](err); is {
		err = wrapped.Err
	}
	if err == nil || errors.Is(err, errSpool) || errors.Is(err, errTooBig) {
		return err
	}
	return errors.New(dypls.Scrub(err.Error()))
}

// span reads a Content-Range: bytes 500-999/1000.
func span(header string) (from, total int64, err error) {
	text, found := strings.CutPrefix(header, "bytes ")
	first, rest, _ := strings.Cut(text, "-")
	_, all, _ := strings.Cut(rest, "/")
	from, errFrom := strconv.ParseInt(first, 10, 64)
	total, errTotal := strconv.ParseInt(all, 10, 64)
	if !found || errFrom != nil || errTotal != nil {
		return 0, 0, errors.New("a part of a file without a Content-Range that can be read")
	}
	return from, total, nil
}
