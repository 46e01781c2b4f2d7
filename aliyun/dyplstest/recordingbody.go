package dyplstest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"
)

// A recording is an ID3 tag and MPEG frames: version 2, layer III, 16 kbit/s, 16 kHz, mono. Each
// frame has 72 bytes and lasts 36 ms.
const (
	frameBytes     = 72
	tagHeader      = 10
	smallestFile   = 512
	bytesPerSecond = 2000
)

var frameHeader = [4]byte{0xFF, 0xF3, 0x28, 0xC0}

// recordingBody is the file of a call: the same bytes for the same name and size in every run.
func recordingBody(name string, size int) []byte {
	frames := (size - tagHeader) / frameBytes
	if frames > 1 {
		frames-- // the tag takes the place of one, and what does not fill a frame
	}
	body := make([]byte, size)
	tag := size - tagHeader - frames*frameBytes
	copy(body, "ID3\x04\x00\x00")
	for i := range 4 { // seven bits a byte
		body[6+i] = byte(tag >> (7 * (3 - i)) & 0x7F)
	}
	sum := sha256.Sum256([]byte(name))
	noise := rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])))
	for at := tagHeader + tag; at < size; at += frameBytes {
		copy(body[at:], frameHeader[:])
		for i := at + len(frameHeader); i+8 <= at+frameBytes; i += 8 {
			binary.LittleEndian.PutUint64(body[i:], noise.Uint64()&^0x8080808080808080) // no sync in it
		}
	}
	return body
}

// RecordingFile is a file of a call's recording.
type RecordingFile struct {
	// Name is that of the object. It may hold A's number.
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"` // in hex

	calledAt time.Time
}

func newRecordingFile(name string, size int, calledAt time.Time) RecordingFile {
	sum := sha256.Sum256(recordingBody(name, size))
	return RecordingFile{name, size, hex.EncodeToString(sum[:]), calledAt}
}

// files are those of a call's recording.
func (r Recordings) files(c PlacedCall) []RecordingFile {
	if !c.Recorded {
		return nil
	}
	size := r.Size
	if size == 0 {
		size = max(smallestFile, int(c.ReleaseTime.Sub(c.StartTime).Seconds()*bytesPerSecond))
	}
	stem := c.SubsID + "_" + c.CallID
	if r.NumberInName {
		stem += "_86" + string(c.PhoneNo)
	}
	if r.Parts == 0 {
		return []RecordingFile{newRecordingFile(stem+".mp3", size, c.CallTime)}
	}
	all := make([]RecordingFile, r.Parts)
	for i := range all {
		all[i] = newRecordingFile(fmt.Sprintf("%s_%d.mp3", stem, i), size, c.CallTime)
	}
	return all
}
