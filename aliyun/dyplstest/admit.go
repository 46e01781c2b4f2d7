package dyplstest

import (
	"net/http"
	"strings"
	"time"
)

const (
	version = "2017-05-25"
	// maxSkew is how far a request's date may be off (help page of the V3 request structure and
	// signature).
	maxSkew = 15 * time.Minute
	// dateLayout is ISO 8601 in UTC, of x-acs-date and Timestamp alike.
	dateLayout = "2006-01-02T15:04:05Z"
)

// credentials are what a request brings to prove who sent it, in either protocol.
type credentials struct {
	action, version string
	keyID, token    string
	date, nonce     string
	given           string // the signature
	// sign returns the signature as it should be, and the text it is over.
	sign func(secret string) (signature, stringToSign string)
}

// admit authenticates a request as the gateway does it, from the outside in: what is asked for, by
// whom, when, signed how. The replay of a nonce is checked later, by [Simulator.enter]: a forged
// request must not use up a nonce.
func (s *Simulator) admit(w http.ResponseWriter, r *http.Request) (*call, *answer) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return nil, refuse("UnsupportedHTTPMethod", "This http method is not supported.")
	}
	if r.URL.Path != "/" && r.URL.Path != "" {
		return nil, refuse(
			"InvalidApi.NotFound",
			"Specified api is not found, please check your url and method.",
		)
	}
	req, err := readRequest(w, r)
	if err != nil {
		return nil, refuse("InvalidParameter", "The specified parameter is not valid: "+err.Error()+".")
	}
	var proof credentials
	var refusal *answer
	switch {
	case isV3(r):
		proof, refusal = req.credentialsV3()
	case req.lacksAuthorization():
		// Seen so in an answer of the real gateway to an official SDK that had left its header out.
		refusal = refuse("MissingAccessKeyId", "AccessKeyId is mandatory for this action.")
	default:
		proof, refusal = req.credentialsV1()
	}
	if refusal != nil {
		return nil, refusal
	}
	now := s.config.Now()
	of, refusal := s.authenticate(proof, now)
	if refusal != nil {
		return nil, refusal
	}
	return &call{
		account:    of,
		action:     proof.action,
		parameters: req.all.ofAction(),
		keyID:      proof.keyID,
		nonce:      proof.nonce,
		at:         now,
		base:       baseOf(r),
	}, nil
}

// authenticate returns whose call it is. Who the accounts are never changes.
func (s *Simulator) authenticate(p credentials, now time.Time) (*account, *answer) {
	if p.version != version {
		return nil, refuse("InvalidVersion", "Specified parameter Version is not valid.")
	}
	if _, known := actions[p.action]; !known {
		return nil, refuseAction(p.action)
	}
	of := s.accounts[p.keyID]
	if of == nil {
		return nil, refuse("InvalidAccessKeyId.NotFound", "Specified access key is not found.")
	}
	if p.token != of.key.SecurityToken {
		return nil, refuse("InvalidSecurityToken.MalFormed", "Specified SecurityToken is malformed.")
	}
	date, err := time.Parse(dateLayout, p.date)
	if err != nil {
		return nil, refuse(
			"InvalidTimeStamp.Format",
			"Specified time stamp or date value is not well formatted.",
		)
	}
	if skew := now.Sub(date); skew > maxSkew || skew < -maxSkew {
		return nil, refuse("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	}
	// The gateway tells its string to sign, with every parameter in it: a client must not log that
	// message as it is.
	if want, stringToSign := p.sign(of.key.AccessKeySecret); !equal(want, p.given) {
		return nil, refuse(
			"SignatureDoesNotMatch",
			"Specified signature is not matched with our calculation. server string to sign is:"+stringToSign,
		)
	}
	return of, nil
}

func refuse(code, message string) *answer {
	a := codeAnswer(code, message)
	return &a
}

// baseOf is where the simulator serves recordings to who asked.
func baseOf(r *http.Request) string {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + strings.TrimSuffix(recordingsPath, "/")
}
