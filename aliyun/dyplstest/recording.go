package dyplstest

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// linkLife is how long a DownloadUrl works, by the help page of QueryRecordFileDownloadUrl.
const linkLife = 2 * time.Hour

// Recordings says which calls have a recording. One that was placed has one as it says itself, of the
// others CallIDs tells. What the service answers where there is none yet,
// or never will be, is not documented: here it is OK with an empty DownloadUrl, and
// isv.ILLEGAL_ARGUMENT.
type Recordings struct {
	// ReadyAfter is how long after its CallTime a recording is there; before, the DownloadUrl is
	// empty. That of a call of [Simulator.PlaceCall] is there so long after its end, by Calls.Scale,
	// whatever Now says. Default: 0.
	ReadyAfter time.Duration
	// KeptFor is how long after its CallTime a recording is kept. Default: 30 days.
	KeptFor time.Duration
	// LinkLife is how long a DownloadUrl works. Default: 2 hours.
	LinkLife time.Duration
	// CallIDs are the only calls that have one. Nil: every call has.
	CallIDs []string
	// Base is what a DownloadUrl starts with. Default: /recordings at the address that was asked for it,
	// where the simulator serves the file.
	Base string
	// Size is how many bytes a file has. Default: 2000 for each second of the call, 512 at least.
	Size int
	// Parts makes the names of files end with _0, _1 and so on. The API has no way to ask for another
	// than the first. Default: 0, one file without such an end.
	Parts int
	// NumberInName puts A's number into the names of files, as was seen in live links.
	NumberInName bool
	// InReport puts a link to the recording, as record_url, into the SecretReport of a call that is
	// recorded, as the documents have it. The link works for LinkLife.
	InReport bool
	// WholeBeyondRange answers a range that begins behind the end with the whole file, as older pages
	// of OSS have it. Default: InvalidRange.
	WholeBeyondRange bool
}

func (r Recordings) withDefaults() Recordings {
	if r.KeptFor == 0 {
		r.KeptFor = 30 * 24 * time.Hour
	}
	if r.LinkLife == 0 {
		r.LinkLife = linkLife
	}
	return r
}

func (r Recordings) validate() error {
	if r.ReadyAfter < 0 || r.KeptFor < r.ReadyAfter {
		return errors.New(
			"dyplstest: Config.Recordings: ReadyAfter must not be negative, nor KeptFor less than it: lengthen KeptFor",
		)
	}
	if r.LinkLife < 0 {
		return errors.New(
			"dyplstest: Config.Recordings.LinkLife must not be negative: leave it 0 for two hours",
		)
	}
	const mostParts = 100
	if r.Size != 0 && (r.Size < smallestFile || r.Size > 1<<30) || r.Parts < 0 || r.Parts > mostParts {
		return errors.New(
			"dyplstest: Config.Recordings: Size must be from 512 bytes to 1 GiB, and Parts from 0 to 100: leave them out for the usual",
		)
	}
	if r.Base == "" {
		return nil
	}
	if base, err := url.Parse(r.Base); err != nil || base.Host == "" || base.RawQuery != "" {
		return errors.New(
			"dyplstest: Config.Recordings.Base must be a URL without a query: write it like http://127.0.0.1:8000/recordings",
		)
	}
	return nil
}

func queryRecording(s *service, p parameters) answer {
	if _, refusal := s.poolOrProduct(p); refusal != nil {
		return *refusal
	}
	const longest = 100
	callID := p.get("CallId")
	if utf8.RuneCountInString(callID) > longest {
		return *illegal("callId has more than 100 characters")
	}
	calledAt, err := parseTime(p.get("CallTime"))
	if err != nil {
		return *illegal("callTime must be yyyy-MM-dd HH:mm:ss")
	}
	if c := s.calls.byID[callID]; c != nil && c.AccessKeyID == s.account.key.AccessKeyID {
		return s.queryPlaced(c, calledAt)
	}
	recordings := s.config.Recordings
	age := s.now.Sub(calledAt)
	if recordings.CallIDs != nil && !slices.Contains(recordings.CallIDs, callID) ||
		age > recordings.KeptFor {
		return *illegal("record not exist")
	}
	link := ""
	if age >= recordings.ReadyAfter {
		link = s.link(s.unplaced(callID, calledAt))
	}
	return ok(fields{DownloadURL: &link})
}

// queryPlaced answers for a call that was placed: a CallTime that is not its own finds nothing.
func (s *service) queryPlaced(c *placedCall, calledAt time.Time) answer {
	if !c.Recorded || !calledAt.Equal(c.CallTime.Truncate(time.Second)) ||
		s.now.Sub(calledAt) > s.config.Recordings.KeptFor {
		return *illegal("record not exist")
	}
	link := ""
	if c.recordingIsUp {
		link = s.link(c.Recordings[0].Name)
	}
	return ok(fields{DownloadURL: &link})
}

// unplaced is the name of the file of a call that nobody placed.
func (s *service) unplaced(callID string, calledAt time.Time) string {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(callID)) // never fails
	const sixteenDigits = 9_000_000_000_000_000
	name := fmt.Sprintf("%d_%s.mp3", 1_000_000_000_000_000+sum.Sum64()%sixteenDigits, callID)
	if _, there := s.files[name]; !there {
		size := cmp.Or(s.config.Recordings.Size, int(defaultLength.Seconds())*bytesPerSecond)
		s.files[name] = newRecordingFile(name, size, calledAt)
	}
	return name
}

// link signs a link with the account's own credentials.
func (s *service) link(name string) string {
	return s.signedLink(s.account, cmp.Or(s.config.Recordings.Base, s.base), name, s.now)
}

func (s *Simulator) signedLink(of *account, base, name string, now time.Time) string {
	expires := strconv.FormatInt(now.Add(s.config.Recordings.LinkLife).Unix(), 10)
	query := url.Values{
		"Expires": {expires}, "OSSAccessKeyId": {of.key.AccessKeyID},
		"Signature": {ossSignature(of.key.AccessKeySecret, http.MethodGet, "", "", expires, name)},
	}
	return strings.TrimSuffix(base, "/") + "/" + url.PathEscape(name) + "?" + query.Encode()
}

// recordURL is the link that the receipt of a call's end has, "" where it has none.
func (s *Simulator) recordURL(c *placedCall) string {
	if !s.config.Recordings.InReport || !c.Recorded {
		return ""
	}
	base := cmp.Or(s.config.Recordings.Base, s.address+strings.TrimSuffix(recordingsPath, "/"))
	return s.signedLink(s.accounts[c.AccessKeyID], base, c.Recordings[0].Name, s.config.Now())
}
