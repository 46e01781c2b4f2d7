package aliyun

import (
	"bytes"
	"slices"
)

// frame follows an answer as its bytes come, each of them once, and finds where it ends.
//
// It knows answers of the usual form alone: a plain head, and a body whose length is told or that
// comes in plain chunks. Of all else it finds no end, so that the connection is not used again:
// what an odd answer is, net/http decides.
type frame struct {
	max  int // of the body; beyond it nothing is kept
	step func(*frame, []byte) int

	head []byte // until it has been read
	body []byte
	left int // of the body, or of the chunk, is still to come
	line int // of the size of a chunk, or of the line that ends it, so many bytes have come
	size int // of the chunk, as far as it has come

	complete bool // the answer is all there
	usable   bool // it is the API's
}

// expect starts on an answer whose body has at most so many bytes. It uses the memory of the one
// before, where that is little.
func (f *frame) expect(maxBody int) {
	*f = frame{max: maxBody, step: (*frame).readHead, head: little(f.head), body: little(f.body)}
}

// little is what is worth keeping, as long as the connection lives: enough for the API's usual
// answers.
func little(buffer []byte) []byte {
	const most = 4 << 10
	if cap(buffer) > most {
		return nil
	}
	return buffer[:0]
}

// take follows the next bytes and returns how many of them belong to the answer: fewer only where
// it is complete.
func (f *frame) take(p []byte) int {
	taken := 0
	for taken < len(p) && !f.complete {
		if f.step == nil { // of no usual form: everything belongs to it
			return len(p)
		}
		taken += f.step(f, p[taken:])
	}
	return taken
}

// giveUp leaves the answer to net/http.
func (f *frame) giveUp(p []byte) int {
	f.step, f.head, f.body = nil, nil, nil
	return len(p)
}

func (f *frame) readHead(p []byte) int {
	const end = "\r\n\r\n"
	before := len(f.head)
	f.head = append(f.head, p[:min(len(p), maxHeaderBytes+len(end)-before)]...)
	from := max(0, before-len(end)+1)
	at := bytes.Index(f.head[from:], []byte(end))
	if at < 0 {
		if len(f.head) > maxHeaderBytes {
			return f.giveUp(p)
		}
		return len(f.head) - before
	}
	at += from
	head, plain := readPlainHead(f.head[:at])
	f.head = little(f.head)
	used := at + len(end) - before
	switch {
	case !plain || head.length > f.max:
		f.giveUp(p)
	case head.chunked:
		f.step = (*frame).readSize
	default:
		f.step, f.left = (*frame).readBody, head.length
		f.body = slices.Grow(f.body, head.length)
		f.endBody()
	}
	return used
}

// readBody keeps what comes of a body whose length is known.
func (f *frame) readBody(p []byte) int {
	n := min(len(p), f.left)
	f.body = append(f.body, p[:n]...)
	f.left -= n
	f.endBody()
	return n
}

func (f *frame) endBody() {
	if f.left == 0 {
		f.finish()
	}
}

// finish judges the body, once, and lets it go.
func (f *frame) finish() {
	_, err := envelopeOf(f.body)
	f.complete, f.usable = true, err == nil
	f.body = little(f.body)
}

const (
	// maxSizeDigits are enough for any chunk that is within bounds.
	maxSizeDigits = 8
	lineEnd       = "\r\n"
)

// readSize reads the size of a chunk, without extensions, and the end of its line.
func (f *frame) readSize(p []byte) int {
	for i, b := range p {
		digit, isDigit := hexDigit(b)
		switch {
		case isDigit && f.line < maxSizeDigits:
			f.size, f.line = f.size<<4|digit, f.line+1
		case b == '\r' && f.line > 0:
			f.step = (*frame).readSizeEnd
			return i + 1
		default:
			return f.giveUp(p)
		}
	}
	return len(p)
}

func (f *frame) readSizeEnd(p []byte) int {
	switch {
	case p[0] != '\n' || len(f.body)+f.size > f.max:
		return f.giveUp(p)
	case f.size == 0:
		f.step, f.line = (*frame).readLastLine, 0
	default:
		f.step, f.left = (*frame).readChunk, f.size
	}
	f.size = 0
	return 1
}

func (f *frame) readChunk(p []byte) int {
	n := min(len(p), f.left)
	f.body = append(f.body, p[:n]...)
	if f.left -= n; f.left == 0 {
		f.step, f.line = (*frame).readChunkEnd, 0
	}
	return n
}

func (f *frame) readChunkEnd(p []byte) int {
	n, ended := f.readLineEnd(p)
	if ended {
		f.step, f.line = (*frame).readSize, 0
	}
	return n
}

// readLastLine is the end of the last chunk. Trailers, which no answer of the API has, are of no
// usual form.
func (f *frame) readLastLine(p []byte) int {
	n, ended := f.readLineEnd(p)
	if ended {
		f.finish()
	}
	return n
}

func (f *frame) readLineEnd(p []byte) (n int, ended bool) {
	for n < len(p) && f.line < len(lineEnd) {
		if p[n] != lineEnd[f.line] {
			return f.giveUp(p), false
		}
		n, f.line = n+1, f.line+1
	}
	return n, f.line == len(lineEnd)
}

func hexDigit(b byte) (digit int, isDigit bool) {
	switch {
	case '0' <= b && b <= '9':
		return int(b - '0'), true
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10, true
	}
	return 0, false
}
