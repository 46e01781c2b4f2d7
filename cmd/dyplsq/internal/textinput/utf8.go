package textinput

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

const (
	byteOrderMark = "\xef\xbb\xbf"
	unitSize      = 2
)

// UTF8 reads a text in UTF-8 or UTF-16, as tools on Windows write it, with or without a byte order
// mark, as UTF-8 without one. What is no text is an error that says what it is and what to do about
// it.
func UTF8(r io.Reader) io.Reader { return &decoder{in: bufio.NewReaderSize(r, chunkSize)} }

type decoder struct {
	in    *bufio.Reader
	begun bool
	order binary.ByteOrder // of UTF-16; nil for UTF-8
	high  []uint16         // half of a character whose other half is still to come
	out   []byte
	raw   []byte
}

// Read implements [io.Reader].
func (d *decoder) Read(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		if err := d.begin(); err != nil {
			return 0, err
		}
	}
	if d.order == nil {
		return d.in.Read(p)
	}
	for len(d.out) == 0 {
		if err := d.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// marks begin a text; a file without one may be in UTF-8 or UTF-16 all the same.
var marks = []struct {
	mark  string
	order binary.ByteOrder
}{{byteOrderMark, nil}, {"\xff\xfe", binary.LittleEndian}, {"\xfe\xff", binary.BigEndian}}

const utf32Mark = "\xff\xfe\x00\x00"

// unmarked tells UTF-16 without a mark: the first character of an object, an array or a number is
// ASCII, and a zero stands beside it.
func unmarked(head []byte) binary.ByteOrder {
	switch wide := len(head) > 3 && head[2] == 0 && head[3] == 0; {
	case len(head) < unitSize || wide || (head[0] == 0) == (head[1] == 0):
		return nil
	case head[1] == 0:
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// begin looks at the first bytes.
func (d *decoder) begin() error {
	const enough = 4
	head, err := d.in.Peek(enough)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	mark := 0
	for _, k := range marks {
		if bytes.HasPrefix(head, []byte(k.mark)) && !bytes.HasPrefix(head, []byte(utf32Mark)) {
			d.order, mark = k.order, len(k.mark)
			break
		}
	}
	if mark == 0 {
		d.order = unmarked(head)
	}
	if problem, found := dypls.EncodingProblem(head); found && mark == 0 && d.order == nil ||
		bytes.HasPrefix(head, []byte(utf32Mark)) {
		return errors.New(problem.String())
	}
	_, err = d.in.Discard(mark)
	return err
}

// more decodes the next part of UTF-16.
func (d *decoder) more() error {
	if d.raw == nil {
		d.raw = make([]byte, chunkSize)
	}
	raw := d.raw
	n, err := io.ReadAtLeast(d.in, raw, unitSize)
	if n%unitSize != 0 { // the other half of a unit
		var rest int
		if rest, err = io.ReadFull(d.in, raw[n:n+1]); rest == 0 {
			return errors.New(
				"the input must be whole UTF-16, and ends within a character: save it again, as UTF-8",
			)
		}
		n++
	}
	if n == 0 {
		if errors.Is(err, io.EOF) && len(d.high) > 0 {
			d.out, d.high = append(d.out, string(utf16.Decode(d.high))...), nil
			return nil
		}
		return err
	}
	units := d.high
	for i := 0; i < n; i += unitSize {
		units = append(units, d.order.Uint16(raw[i:]))
	}
	d.high = nil
	if last := units[len(units)-1]; last >= 0xd800 && last < 0xdc00 {
		units, d.high = units[:len(units)-1], []uint16{last}
	}
	d.out = []byte(string(utf16.Decode(units)))
	return nil
}
