package console

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
)

// Archive opens recordings, for those who may listen.
type Archive interface {
	// Open opens one by its location, as calls tell it. The error matches [fs.ErrNotExist] where it is
	// not in the store, or in another one.
	Open(ctx context.Context, location string) (Recording, error)
}

// Recording is one that is played. What it says of the store stays here.
type Recording interface {
	io.ReadSeekCloser
	ContentType() string
}

const (
	// playLife is how long the player of a page works.
	playLife = 2 * time.Hour
	// playedAtOnce is how many recordings are streamed at the same moment.
	playedAtOnce = 16
	// playWithin is how long one request for a recording may take: what is longer a player asks for
	// in parts.
	playWithin = 10 * time.Minute
)

var (
	errNoArchive error = problem{status: http.StatusNotFound, text: "problem.archive"}
	errNotKept   error = problem{status: http.StatusNotFound, text: "problem.kept"}
	errPlayer    error = problem{status: http.StatusForbidden, text: "problem.player"}
)

// listen draws the page of a call with a player. Each is a line of the audit; what that player then
// plays, from wherever and however often, belongs to it.
func listen(r *request) (answer, error) {
	c, err := r.call(r.field("id"))
	switch {
	case err != nil:
		return answer{}, err
	case c.NoArchive:
		return answer{}, errNoArchive
	case c.Recording.State != calls.RecordingKept:
		return answer{}, errNotKept
	}
	if err = r.console.Audit.Add(r.Context(), audit.Entry{
		By: r.by(), Via: audit.Console, Action: audit.RecordingsPlay, Target: c.ID,
		Reason: r.field("reason"),
	}); err != nil {
		return answer{}, err
	}
	key, err := r.console.tokens.key(r.Context())
	if err != nil {
		return answer{}, err
	}
	until := strconv.FormatInt(r.console.Now().Add(playLife).Unix(), 36)
	c.Player = link("recording", "id", c.ID, "ticket", until+"."+r.ticket(key, c.ID, until))
	return answer{page: "call", data: c}, nil
}

// ticket signs that this user, in this browser, may play a call's recording.
func (r *request) ticket(key []byte, id, until string) string {
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "play\x00%s\x00%s\x00%s\x00%s", r.session, r.access.User, id, until)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// playRecording streams a recording from the store, or the part that the player asks for.
func playRecording(r *request) (answer, error) {
	if err := r.read(); err != nil {
		return answer{}, err
	}
	if r.console.Archive == nil {
		return answer{}, errNoArchive
	}
	id := r.field("id")
	until, signed, _ := strings.Cut(r.field("ticket"), ".")
	key, err := r.console.tokens.key(r.Context())
	if err != nil {
		return answer{}, err
	}
	ends, err := strconv.ParseInt(until, 36, 64)
	if err != nil || !hmac.Equal([]byte(signed), []byte(r.ticket(key, id, until))) ||
		!r.console.Now().Before(time.Unix(ends, 0)) {
		return answer{}, errPlayer
	}
	c, err := r.console.Calls.Get(r.Context(), id)
	switch {
	case err != nil:
		return answer{}, err
	case c.Recording.State != calls.RecordingKept:
		return answer{}, errNotKept
	}
	select {
	case r.console.playing <- struct{}{}:
	default:
		return answer{}, errBusy
	}
	return answer{stream: func(w http.ResponseWriter, req *http.Request) {
		defer func() { <-r.console.playing }()
		r.play(w, req, c.Recording.Location)
	}}, nil
}

// play writes what was asked for. An error says nothing of the store to whoever listens.
func (r *request) play(w http.ResponseWriter, req *http.Request, location string) {
	ctx, cancel := context.WithTimeout(req.Context(), playWithin)
	defer cancel()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(playWithin))
	recording, err := r.console.Archive.Open(ctx, location)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		http.Error(w, "the store does not have this recording", http.StatusNotFound)
		return
	case err != nil:
		r.console.Note(r.URL.Path, err)
		http.Error(w, "the store does not answer", http.StatusBadGateway)
		return
	}
	defer func() { _ = recording.Close() }()
	w.Header().Set("Content-Type", recording.ContentType())
	w.Header().Set("Content-Disposition", "inline")
	w.Header().Set("Cache-Control", "no-store")
	http.ServeContent(w, req, "", time.Time{}, recording)
}
