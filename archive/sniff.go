package archive

import "bytes"

// format is a kind of file, by its extension.
type format string

const (
	mp3 format = ".mp3"
	wav format = ".wav"
)

// sniffed is how many bytes of a file tell what it is.
const sniffed = 12

// sniff says what a file is by its beginning: a header of the answer may say anything. False for
// what is no recording, such as a page of a proxy.
func sniff(head []byte) (format, bool) {
	const (
		syncBits = 0xE0 // the lower eight of eleven set bits
		layer    = 0x06 // none of its values is a layer
		riffSize = 8
	)
	switch {
	case bytes.HasPrefix(head, []byte("ID3")):
		return mp3, true
	case len(head) > 1 && head[0] == 0xFF && head[1]&syncBits == syncBits && head[1]&layer != 0:
		return mp3, true
	case len(head) >= sniffed && bytes.HasPrefix(head, []byte("RIFF")) &&
		bytes.Equal(head[riffSize:sniffed], []byte("WAVE")):
		return wav, true
	}
	return "", false
}
