// Package textinput reads the text that people hand to a command, whatever tool wrote it, and stops
// when it is told to.
package textinput

import (
	"context"
	"io"
	"os"
)

// Stdin is the name of standard input.
const Stdin = "-"

// chunkSize is how much is read at once.
const chunkSize = 64 << 10

type chunk struct {
	data []byte
	err  error
}

type source struct {
	ctx    context.Context //nolint:containedctx // an io.Reader has nowhere else to be told to stop
	cancel context.CancelFunc
	chunks chan chunk
	rest   chunk
}

// Open reads a file, or standard input under the name "-". Whoever hangs on the other side of a
// pipe, or has not opened it yet, holds nothing up: Read returns ctx's error once ctx is done.
func Open(ctx context.Context, name string, stdin io.Reader) io.ReadCloser {
	ctx, cancel := context.WithCancel(ctx)
	s := &source{ctx: ctx, cancel: cancel, chunks: make(chan chunk)}
	go s.fill(name, stdin)
	return s
}

func (s *source) fill(name string, in io.Reader) {
	if name != Stdin {
		file, err := os.Open(name) //nolint:gosec // the file that its owner named
		if err != nil {
			s.hand(chunk{err: err})
			return
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	for {
		data := make([]byte, chunkSize)
		n, err := in.Read(data)
		if !s.hand(chunk{data[:n], err}) || err != nil {
			return
		}
	}
}

func (s *source) hand(c chunk) bool {
	select {
	case s.chunks <- c:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// Read implements [io.Reader].
func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	for len(s.rest.data) == 0 && s.rest.err == nil {
		select {
		case s.rest = <-s.chunks:
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		}
	}
	n := copy(p, s.rest.data)
	if s.rest.data = s.rest.data[n:]; n > 0 {
		return n, nil
	}
	return 0, s.rest.err
}

// Close implements [io.Closer].
func (s *source) Close() error {
	s.cancel()
	return nil
}
