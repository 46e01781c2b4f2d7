package dyplstest

import (
	"strings"
	"time"
)

// queryPublicURLs answers with links that last to the recordings of a call and of its ringing. What
// CheckSubs checks is not documented: here the call must have been placed, and its binding still be
// active. Both links are empty until the recording is there.
func queryPublicURLs(s *service, p parameters) answer {
	key := p.get("PartnerKey")
	if _, refusal := s.pool(parameters{{"PoolKey", key}}); refusal != nil {
		return *refusal
	}
	found, refusal := s.recorded(p)
	switch {
	case refusal != nil:
		return *refusal
	case found.call != nil && found.call.PoolKey != key:
		return *illegal("record not exist")
	case p.get("CheckSubs") == "true":
		if b := found.binding(s); b == nil || b.expired {
			return serviceAnswer("isv.SUBS_NOT_EXIST", "isv.SUBS_NOT_EXIST")
		}
	}
	links := &publicURLs{}
	if found.ready {
		life := s.config.Recordings.PublicLinkLife
		links.PhonePublicURL = s.link(found.name, life)
		links.RingPublicURL = s.link(s.ringing(found), life)
	}
	return ok(fields{Data: links})
}

// publicURLs is what GetTotalPublicUrl answers.
type publicURLs struct {
	PhonePublicURL string `json:"PhonePublicUrl"`
	RingPublicURL  string `json:"RingPublicUrl"`
}

// ringing is the name of the file of what was heard while a call rang.
func (s *service) ringing(of recordedCall) string {
	name := strings.TrimSuffix(of.name, ".mp3") + "_ring.mp3"
	if _, there := s.files[name]; !there {
		length := defaultAnswer
		if of.call != nil {
			length = of.call.StartTime.Sub(of.call.RingTime)
		}
		size := max(int(length/time.Millisecond)*bytesPerSecond/1000, smallestFile)
		s.files[name] = newRecordingFile(name, size, of.at)
	}
	return name
}
