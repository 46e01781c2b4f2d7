package textinput_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/textinput"
)

func inUTF16(order binary.AppendByteOrder, text string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

// Whatever tool wrote a text, it reads the same, however its bytes arrive.
func TestUTF8ReadsWhatToolsWrite(t *testing.T) {
	t.Parallel()
	text := "[{\"ExpectCity\":\"北京\",\"OutId\":\"😀\"}]\r\n" + strings.Repeat("😀x", 15_000)
	for name, in := range map[string]string{
		"UTF-8": text, "UTF-8 with a mark": "\xef\xbb\xbf" + text,
		"little": inUTF16(binary.LittleEndian, text), "little with a mark": "\xff\xfe" + inUTF16(binary.LittleEndian, text),
		"big": inUTF16(binary.BigEndian, text), "big with a mark": "\xfe\xff" + inUTF16(binary.BigEndian, text),
	} {
		for way, r := range map[string]io.Reader{"whole": strings.NewReader(in), "by halves": iotest.HalfReader(strings.NewReader(in)), "byte by byte": iotest.OneByteReader(strings.NewReader(in))} {
			got, err := io.ReadAll(textinput.UTF8(r))
			if err != nil || string(got) != text {
				t.Errorf("%s, %s: %d bytes, %v; want %d", name, way, len(got), err, len(text))
			}
		}
	}
	for in, want := range map[string]string{"": "", "1": "1", "12": "12", "\xef\xbb\xbf": "", "\xff\xfe": ""} {
		if got, err := io.ReadAll(textinput.UTF8(strings.NewReader(in))); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestUTF8SaysWhatIsNoText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"\x1f\x8b\x08\x00": "gzip: unpack it", "PK\x03\x04": "a ZIP archive or a spreadsheet", "\xff\xfe\x00\x00": "UTF-32: save it as UTF-8",
		"\x00\x00\x00\x00": "binary data", "\xff\xfe{": "ends within a character",
	} {
		if _, err := io.ReadAll(textinput.UTF8(strings.NewReader(in))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

// A pipe that nobody writes to, or has opened, holds nothing up.
func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	silent, writer := io.Pipe()
	defer func() { _ = writer.Close() }()
	for name, in := range map[string]io.Reader{fifo: nil, textinput.Stdin: silent} {
		ctx, cancel := context.WithCancel(t.Context())
		r := textinput.Open(ctx, name, in)
		ended := make(chan error, 1)
		go func() { _, err := io.ReadAll(r); ended <- err }()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		_ = r.Close()
	}
	if _, err := io.ReadAll(textinput.Open(t.Context(), filepath.Join(t.TempDir(), "none"), nil)); err == nil {
		t.Error("a file that is not there was read")
	}
}
