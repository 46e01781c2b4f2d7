package dyplstest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"
)

// Transcripts says when the transcripts of calls are there. What the service answers where there is
// none yet, or never will be, is not documented: here it is OK without Data, and
// isv.ILLEGAL_ARGUMENT.
type Transcripts struct {
	// ReadyAfter is how long after its end a call's transcript is there, by Calls.Scale, whatever Now
	// says. Default: 0. It is kept for as long as a recording.
	ReadyAfter time.Duration
}

func (t Transcripts) validate() error {
	if t.ReadyAfter < 0 {
		return errors.New(
			"dyplstest: Config.Transcripts.ReadyAfter must not be negative: leave it 0 for at once",
		)
	}
	return nil
}

// putUpTranscript makes a transcript be there.
func (s *Simulator) putUpTranscript(c *placedCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.transcriptIsUp = true
}

// transcript is what GetSecretAsrDetail answers.
type transcript struct {
	RequestID   string `json:"RequestId"`
	BusinessID  string `json:"BusinessId"`
	BusinessKey string
	Code        string
	Msg         string
	BizDuration int64
	Type        string
	Sentences   []sentence
}

type sentence struct {
	EndTime         int64
	SilenceDuration int64 // seconds
	BeginTime       int64
	Text            string
	ChannelID       int `json:"ChannelId"`
	SpeechRate      int
	EmotionValue    string
}

// queryTranscript answers with what was said in a call that was placed on a binding with ASRStatus.
func queryTranscript(s *service, p parameters) answer {
	pool, refusal := s.pool(p)
	if refusal != nil {
		return *refusal
	}
	_, at, c, refusal := s.namedCall(p)
	switch {
	case refusal != nil:
		return *refusal
	case c == nil || !c.Transcribed || c.PoolKey != pool.Key,
		!at.Equal(c.CallTime.Truncate(time.Second)),
		s.now.Sub(at) > s.config.Recordings.KeptFor:
		return *illegal("asr result not exist")
	case !c.transcriptIsUp:
		return ok(fields{})
	}
	return ok(fields{Data: c.transcript()})
}

// phrases are said in turns.
var phrases = []string{
	"您好", "您好，请问是哪位", "我是送快递的，您的包裹到了", "麻烦放在门口就可以", "好的，需要拍照吗", "不用了，谢谢",
	"那我先走了", "好，再见",
}

// transcript makes up what was said in a call: the same for the same call, whenever it is asked
// for.
func (c *placedCall) transcript() *transcript {
	sum := sha256.Sum256([]byte(c.CallID))
	noise := rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])))
	t := &transcript{
		RequestID:   hex.EncodeToString(sum[:16]),
		BusinessID:  c.CallID + "@!" + c.PoolKey + "@!" + c.CallTime.In(beijing).Format("20060102150405"),
		BusinessKey: hex.EncodeToString(sum[16:24]),
		Code:        "21050000",
		Msg:         "SUCCESS",
		Type:        "asrResult",
		BizDuration: c.ReleaseTime.Sub(c.StartTime).Milliseconds(),
		Sentences:   []sentence{},
	}
	const most = 1000 // an answer has at most a MiB
	for at := int64(0); len(t.Sentences) < most; {
		silence := noise.Int64N(3)
		begin := at + silence*1000 + noise.Int64N(500)
		end := begin + 800 + noise.Int64N(3000)
		if end > t.BizDuration {
			break
		}
		n := len(t.Sentences)
		t.Sentences = append(t.Sentences, sentence{
			BeginTime: begin, EndTime: end, SilenceDuration: silence,
			Text: phrases[n%len(phrases)], ChannelID: n % 2, SpeechRate: 80 + noise.IntN(200),
			EmotionValue: strconv.FormatFloat(1+9*noise.Float64(), 'f', 1, 64),
		})
		at = end
	}
	return t
}
