package dyplstest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// tokenDTO is what a queue is fetched with, for a while.
type tokenDTO struct {
	AccessKeyID     string `json:"AccessKeyId"`
	AccessKeySecret string
	SecurityToken   string
	CreateTime      string
	ExpireTime      string
}

// mnsToken is good for one queue of one type of receipts.
type mnsToken struct {
	tokenDTO

	account     *account
	kind, queue string
	expiresAt   time.Time
}

// queryToken hands out a token (product Dybaseapi, of the same version and protocol). It does so
// for a queue that does not exist, or that holds another type, too: that is told where it is used.
// What the service does then is not documented.
func queryToken(s *service, p parameters) answer {
	kind := p.get("MessageType")
	if !slices.Contains(ReceiptTypes(), kind) {
		return *illegal("messageType illegal")
	}
	queue := p.get("QueueName")
	if queue == "" {
		queue = s.config.Receipts.Queues[kind]
	}
	// Its times are told to the second.
	created := s.now.Truncate(time.Second)
	expires := created.Add(s.config.Receipts.TokenLife)
	token := &mnsToken{
		tokenDTO: tokenDTO{
			AccessKeyID:     fmt.Sprintf("STS.%016X", rand.Uint64()),
			AccessKeySecret: fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()),
			SecurityToken:   fmt.Sprintf("CAIS%016x/+%016x==", rand.Uint64(), rand.Uint64()),
			CreateTime:      clockTime(created),
			ExpireTime:      clockTime(expires),
		},
		account: s.account, kind: kind, queue: queue, expiresAt: expires,
	}
	if s.mns.tokens == nil {
		s.mns.tokens = map[string]*mnsToken{}
	}
	s.mns.tokens[token.AccessKeyID] = token
	return ok(fields{MessageTokenDTO: &token.tokenDTO})
}
