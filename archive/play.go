package archive

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Player reads one object, from wherever it is to be played. It is an [io.ReadSeeker] for
// [http.ServeContent]; what it has open ends with its context, or with Close. It is for one
// goroutine.
type Player struct {
	ctx   context.Context //nolint:containedctx // its methods are those of package io
	store Store
	name  string
	size  int64

	at   int64         // of the next read
	body io.ReadCloser // nil where nothing is open
	open int64         // where body goes on
}

// NewPlayer opens the object that a location names, as [Store.Location] wrote it. The error matches
// [fs.ErrNotExist] where there is none, or where the location is of another store.
func NewPlayer(ctx context.Context, store Store, location string) (*Player, error) {
	name, within := strings.CutPrefix(location, strings.TrimSuffix(store.Location(""), "/")+"/")
	if !within || !fs.ValidPath(name) || name == "." {
		return nil, fs.ErrNotExist
	}
	p := &Player{ctx: ctx, store: store, name: name}
	var err error
	p.body, p.size, err = store.Get(ctx, name)
	return p, err
}

// ContentType is what a browser is told of it.
func (p *Player) ContentType() string {
	switch path.Ext(p.name) {
	case string(mp3):
		return "audio/mpeg"
	case string(wav):
		return "audio/wav"
	}
	return "application/octet-stream"
}

// Size is how many bytes it has.
func (p *Player) Size() int64 { return p.size }

// Read implements [io.Reader].
func (p *Player) Read(into []byte) (int, error) {
	if p.at >= p.size {
		return 0, io.EOF
	}
	if p.body != nil && p.open != p.at {
		_ = p.Close()
		p.body = nil
	}
	if p.body == nil {
		var err error
		if p.body, err = p.store.GetFrom(p.ctx, p.name, p.at); err != nil {
			p.body = nil
			return 0, err
		}
	}
	n, err := p.body.Read(into)
	p.at += int64(n)
	p.open = p.at
	return n, err
}

// Seek implements [io.Seeker]. It asks nobody: the read that follows does.
func (p *Player) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.size
	}
	if offset < 0 {
		return 0, errors.New("archive: a place before the beginning")
	}
	p.at = offset
	return offset, nil
}

// Close closes what is open.
func (p *Player) Close() error {
	if p.body == nil {
		return nil
	}
	return p.body.Close()
}
