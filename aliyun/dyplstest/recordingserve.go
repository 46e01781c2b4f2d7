package dyplstest

import (
	"cmp"
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // the protocol's own choice
	"crypto/sha1" //nolint:gosec // as above
	"encoding/base64"
	"fmt"
	"hash/crc64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	recordingsPath = "/recordings/"
	// getObject is what the rules of a [Fault] call the download of a recording.
	getObject = "GetObject"
	pieces    = 16 // of a slow download
)

var crcTable = crc64.MakeTable(crc64.ECMA)

// ossError is a refusal of the object store.
type ossError struct {
	status            int
	code, message, ec string
}

func (e ossError) write(w http.ResponseWriter, r *http.Request) {
	requestID := strings.ReplaceAll(newRequestID(), "-", "")[:24]
	w.Header().Set("x-oss-request-id", requestID)
	if e.ec != "" {
		w.Header().Set("x-oss-ec", e.ec)
	}
	writeXML(w, e.status, xmlError{
		Code: e.code, Message: e.message, RequestID: requestID, HostID: r.Host, EC: e.ec,
	})
}

// ossSignature signs a link as OSS does in its first version (OSS page on signatures in URLs).
func ossSignature(secret, method, contentMD5, contentType, expires, name string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(strings.Join(
		[]string{method, contentMD5, contentType, expires, recordingsPath + name}, "\n",
	)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// serveRecording answers as the object store does to who has a link. A link is for GET alone.
func (s *Simulator) serveRecording(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, recordingsPath)
	of, refusal := s.checkLink(r, name)
	if refusal != nil {
		refusal.write(w, r)
		return
	}
	s.mu.Lock()
	file, there := s.files[name]
	gone := s.config.Now().Sub(file.calledAt) > s.config.Recordings.KeptFor
	var rule *rule
	if there && !gone {
		rule = s.faults.hit(&call{
			action: getObject, keyID: of.key.AccessKeyID, parameters: parameters{{"Key", name}},
		})
	}
	s.mu.Unlock()
	if !there || gone {
		ossError{
			http.StatusNotFound, "NoSuchKey", "The specified key does not exist.", "0026-00000001",
		}.write(w, r)
		return
	}
	d := download{file: file, body: recordingBody(file.Name, file.Size)}
	if refusal := d.selectRange(
		r.Header.Get("Range"), s.config.Recordings.WholeBeyondRange,
	); refusal != nil {
		refusal.write(w, r)
		return
	}
	if rule == nil {
		d.write(w, d.part, s.wait)
		return
	}
	switch f := rule.Fault; f.Do {
	case Slow:
		d.delay = f.Delay / pieces
		d.write(w, d.part, s.wait)
	case Cut:
		d.write(w, d.part[:len(d.part)/2], s.wait)
		panic(http.ErrAbortHandler)
	case Truncate:
		d.short = true
		d.write(w, d.part[:len(d.part)/2], s.wait)
	default:
		s.misbehave(w, r, f, handling{
			perform: func() func(http.ResponseWriter) {
				return func(w http.ResponseWriter) { d.write(w, d.part, s.wait) }
			},
			fail: func(f Fault) func(http.ResponseWriter) {
				return func(w http.ResponseWriter) {
					status := cmp.Or(f.Status, mnsStatuses[f.Code], http.StatusBadRequest)
					ossError{status, f.Code, f.Message, ""}.write(w, r)
				}
			},
		})
	}
}

// checkLink refuses a link that is over, or signed otherwise.
func (s *Simulator) checkLink(r *http.Request, name string) (*account, *ossError) {
	query := r.URL.Query()
	expires, err := strconv.ParseInt(query.Get("Expires"), 10, 64)
	of := s.accounts[query.Get("OSSAccessKeyId")]
	switch {
	case err != nil || query.Get("Signature") == "":
		return nil, &ossError{http.StatusForbidden, "AccessDenied", "You have no right to access this object.", "0003-00000001"}
	case of == nil:
		return nil, &ossError{http.StatusForbidden, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records.", "0002-00000902"}
	case !s.config.Now().Before(time.Unix(expires, 0)):
		return nil, &ossError{
			http.StatusForbidden, "AccessDenied", "Request has expired.", "0002-00000069",
		}
	}
	want := ossSignature(
		of.key.AccessKeySecret, r.Method, r.Header.Get("Content-MD5"), r.Header.Get("Content-Type"),
		query.Get("Expires"), name,
	)
	if !equal(want, query.Get("Signature")) {
		return nil, &ossError{
			http.StatusForbidden, "SignatureDoesNotMatch",
			"The request signature we calculated does not match the signature you provided. Check your key and signing method.",
			"0002-00000040",
		}
	}
	return of, nil
}

// download is the answer to a GET.
type download struct {
	file    RecordingFile
	body    []byte
	part    []byte // of it, as the range says
	from    int
	partial bool
	short   bool // Content-Length is that of what is written
	delay   time.Duration
}

// selectRange takes one range. One that begins beyond the end is refused or, as older pages have
// it, answered with the whole.
func (d *download) selectRange(header string, wholeBeyond bool) *ossError {
	d.part = d.body
	first, last, isRange := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	if !strings.HasPrefix(header, "bytes=") || !isRange {
		return nil
	}
	size := len(d.body)
	from, errFrom := strconv.Atoi(first)
	to, errTo := strconv.Atoi(last)
	switch {
	case first == "" && errTo == nil:
		from, to = max(size-to, 0), size-1
	case errFrom != nil || last != "" && errTo != nil || last != "" && to < from:
		return nil // no range: the whole
	case last == "":
		to = size - 1
	}
	if from >= size {
		if wholeBeyond {
			return nil
		}
		return &ossError{
			http.StatusRequestedRangeNotSatisfiable, "InvalidRange",
			"The requested range cannot be satisfied", "0017-00000902",
		}
	}
	to = min(to, size-1)
	d.from, d.part, d.partial = from, d.body[from:to+1], true
	return nil
}

func (d *download) write(w http.ResponseWriter, written []byte, wait func(time.Duration)) {
	header := w.Header()
	header.Set("Content-Type", "audio/mpeg")
	header.Set("Accept-Ranges", "bytes")
	header.Set("ETag", fmt.Sprintf(`"%X"`, md5.Sum(d.body))) //nolint:gosec // as above
	header.Set("x-oss-hash-crc64ecma", strconv.FormatUint(crc64.Checksum(d.body, crcTable), 10))
	header.Set("x-oss-object-type", "Normal")
	header.Set("x-oss-request-id", strings.ReplaceAll(newRequestID(), "-", "")[:24])
	header.Set("Last-Modified", d.file.calledAt.UTC().Format(http.TimeFormat))
	length, status := len(d.part), http.StatusOK
	if d.short {
		length = len(written)
	}
	header.Set("Content-Length", strconv.Itoa(length))
	if d.partial {
		status = http.StatusPartialContent
		header.Set(
			"Content-Range", fmt.Sprintf("bytes %d-%d/%d", d.from, d.from+len(d.part)-1, len(d.body)),
		)
	}
	w.WriteHeader(status)
	flush := http.NewResponseController(w)
	for step := len(written)/pieces + 1; len(written) > 0; {
		step = min(step, len(written))
		if _, err := w.Write(written[:step]); err != nil {
			return // the client is gone
		}
		written = written[step:]
		_ = flush.Flush() // a recorder of a test may not know how
		wait(d.delay)
	}
}
