package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
	"net/http"
	"os"
	"strconv"
)

var (
	// errSpool is that the temporary file cannot be written: its disk is full, most likely.
	errSpool = errors.New("the temporary file cannot be written")
	// errChanged is that parts of two files came.
	errChanged = errors.New("the file is another one than before")

	crcTable = crc64.MakeTable(crc64.ECMA)
)

// spool is a file as far as it has come, and what the answers say of the whole of it.
type spool struct {
	file  *os.File
	size  int64
	sum   hash.Hash
	crc   hash.Hash64
	total int64  // -1 while nobody has said
	etag  string // of the answer that it began with
	want  string // the checksum that the object has, "" where nobody says
	kind  format
}

func newSpool(file *os.File) (*spool, error) {
	s := &spool{file: file}
	return s, s.restart()
}

// restart forgets what has come.
func (s *spool) restart() error {
	s.size, s.total, s.etag, s.want, s.kind = 0, -1, "", "", ""
	s.sum, s.crc = sha256.New(), crc64.New(crcTable)
	_, err := s.file.Seek(0, io.SeekStart)
	if err == nil {
		err = s.file.Truncate(0)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errSpool, err)
	}
	return nil
}

const (
	crcHeader = "X-Oss-Hash-Crc64ecma"
	decimal   = 10
)

// whole begins with an answer that has the whole file, whatever was asked for.
func (s *spool) whole(answer *http.Response) error {
	if err := s.restart(); err != nil {
		return err
	}
	s.total = answer.ContentLength
	s.etag, s.want = answer.Header.Get("ETag"), answer.Header.Get(crcHeader)
	if s.total > mostBytes {
		return errTooBig
	}
	return nil
}

// part goes on with an answer that has what was asked for.
func (s *spool) part(answer *http.Response) error {
	from, total, err := span(answer.Header.Get("Content-Range"))
	switch {
	case err != nil:
	case from != s.size:
		err = fmt.Errorf("a part that begins at %d, not at %d", from, s.size)
	case s.total >= 0 && total != s.total, answer.Header.Get("ETag") != s.etag:
		err = errChanged
	}
	if err != nil {
		return errors.Join(err, s.restart())
	}
	s.total = total
	return nil
}

// add appends what has come.
func (s *spool) add(piece []byte) error {
	if s.size+int64(len(piece)) > mostBytes {
		return errTooBig
	}
	n, err := s.file.Write(piece)
	if err != nil {
		return fmt.Errorf("%w: %w", errSpool, err)
	}
	s.size += int64(n)
	_, _ = s.sum.Write(piece) // never fails
	_, _ = s.crc.Write(piece)
	return nil
}

// complete reports whether everything has come: a body whose length nobody said ends where it ends.
func (s *spool) complete() bool { return s.total < 0 || s.size >= s.total }

// check says what is wrong with a file that has come. What differs from what was sent is errFaulty.
func (s *spool) check() error {
	switch {
	case s.size != s.total && s.total >= 0, s.want != "" && s.want != s.checksum():
		return errFaulty
	case s.size == 0:
		return errEmpty
	}
	head := make([]byte, min(sniffed, s.size))
	if _, err := s.file.ReadAt(head, 0); err != nil {
		return fmt.Errorf("%w: %w", errSpool, err)
	}
	kind, known := sniff(head)
	if !known {
		return errNoFile
	}
	s.kind = kind
	return nil
}

func (s *spool) checksum() string { return strconv.FormatUint(s.crc.Sum64(), decimal) }

func (s *spool) sha256() string { return hex.EncodeToString(s.sum.Sum(nil)) }

// body reads the file from its beginning.
func (s *spool) body() io.ReadSeeker { return io.NewSectionReader(s.file, 0, s.size) }
