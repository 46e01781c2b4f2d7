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

// Recordings says which calls have a recording. One that was placed has one as it says itself, of
// the others CallIDs tells. What the service answers where there is none yet, or never will be, is
// not documented: here it is OK with an empty DownloadUrl, and isv.ILLEGAL_ARGUMENT.
type Recordings struct {
	// ReadyAfter is how long after its CallTime a recording is there; before, the DownloadUrl is
	// empty. That of a call of [Simulator.PlaceCall] is there so long after its end, by Calls.Scale,
	// whatever Now says. Default: 0.
	ReadyAfter time.Duration
	// KeptFor is how long after its CallTime a recording is kept. Default: 30 days.
	KeptFor time.Duration
	// LinkLife is how long a DownloadUrl works. Default: 2 hours.
	LinkLife time.Duration
	// PublicLinkLife is how long the links of GetTotalPublicUrl work. Default: 30 days.
	PublicLinkLife time.Duration
	// CallIDs are the only calls that have one. Nil: every call has.
	CallIDs []string
	// Base is what a DownloadUrl starts with. Default: /recordings at the address that was asked for
	// it, where the simulator serves the file.
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
	const month = 30 * 24 * time.Hour
	r.KeptFor = cmp.Or(r.KeptFor, month)
	r.LinkLife = cmp.Or(r.LinkLife, linkLife)
	r.PublicLinkLife = cmp.Or(r.PublicLinkLife, month)
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
	if r.PublicLinkLife < 0 {
		return errors.New(
			"dyplstest: Config.Recordings.PublicLinkLife must not be negative: leave it 0 for 30 days",
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
	found, refusal := s.recorded(p)
	if refusal != nil {
		return *refusal
	}
	link := ""
	if found.ready {
		link = s.link(found.name, s.config.Recordings.LinkLife)
	}
	return ok(fields{DownloadURL: &link})
}

// recordedCall is a call that has a recording, or will have one.
type recordedCall struct {
	call  *placedCall // nil where nobody placed it
	at    time.Time
	name  string // of its first file, where it is ready
	ready bool
}

// binding is what the call was placed on, nil where it is forgotten.
func (c recordedCall) binding(s *service) *binding {
	if c.call == nil {
		return nil
	}
	return s.account.subs[c.call.SubsID]
}

// namedCall reads which call a request is about, and finds it if it was placed.
func (s *service) namedCall(
	p parameters,
) (id string, at time.Time, c *placedCall, refusal *answer) {
	const longest = 100
	id = p.get("CallId")
	if utf8.RuneCountInString(id) > longest {
		return "", time.Time{}, nil, illegal("callId has more than 100 characters")
	}
	at, err := parseTime(p.get("CallTime"))
	if err != nil {
		return "", time.Time{}, nil, illegal("callTime must be yyyy-MM-dd HH:mm:ss")
	}
	if c = s.calls.byID[id]; c != nil && c.AccessKeyID != s.account.key.AccessKeyID {
		c = nil
	}
	return id, at, c, nil
}

// recorded finds the recording of a call. A CallTime that is not that of a placed one finds
// nothing.
func (s *service) recorded(p parameters) (recordedCall, *answer) {
	id, at, c, refusal := s.namedCall(p)
	if refusal != nil {
		return recordedCall{}, refusal
	}
	recordings := s.config.Recordings
	age := s.now.Sub(at)
	exists := recordings.CallIDs == nil || slices.Contains(recordings.CallIDs, id)
	if c != nil {
		exists = c.Recorded && at.Equal(c.CallTime.Truncate(time.Second))
	}
	if !exists || age > recordings.KeptFor {
		return recordedCall{}, illegal("record not exist")
	}
	found := recordedCall{call: c, at: at}
	switch {
	case c != nil && c.recordingIsUp:
		found.ready, found.name = true, c.Recordings[0].Name
	case c == nil && age >= recordings.ReadyAfter:
		found.ready, found.name = true, s.unplaced(id, at)
	}
	return found, nil
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
func (s *service) link(name string, life time.Duration) string {
	base := cmp.Or(s.config.Recordings.Base, s.base)
	return signedLink(s.account, base, name, s.now.Add(life))
}

func signedLink(of *account, base, name string, until time.Time) string {
	expires := strconv.FormatInt(until.Unix(), 10)
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
	until := s.config.Now().Add(s.config.Recordings.LinkLife)
	return signedLink(s.accounts[c.AccessKeyID], base, c.Recordings[0].Name, until)
}
