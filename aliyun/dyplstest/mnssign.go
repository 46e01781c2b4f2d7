package dyplstest

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the protocol's own choice
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
)

// mnsAuthenticate checks who asks for a queue, when, and signed how (version 2 of the signature, by
// HMAC-SHA1). The token of an expired or unknown key is refused as AccessDenied and
// InvalidAccessKeyId; which it is in the service is not documented.
func (s *Simulator) mnsAuthenticate(r *http.Request, now time.Time) (*mnsToken, *mnsError) {
	authorization := r.Header.Get("Authorization")
	if authorization == "" {
		return nil, mnsRefuse("MissingAuthorizationHeader", "Authorization header is required.")
	}
	scheme, rest, _ := strings.Cut(authorization, " ")
	keyID, signature, hasBoth := strings.Cut(rest, ":")
	if scheme != "MNS" || !hasBoth {
		return nil, mnsRefuse("InvalidAuthorizationHeader", "The Authorization header format is invalid.")
	}
	date := r.Header.Get("Date")
	if date == "" {
		date = r.Header.Get("x-mns-date")
	}
	if date == "" {
		return nil, mnsRefuse("MissingDateHeader", "Date header is required.")
	}
	at, err := http.ParseTime(date)
	if err != nil {
		return nil, mnsRefuse("InvalidDateHeader", "The Date header format is invalid.")
	}
	if skew := now.Sub(at); skew > maxSkew || skew < -maxSkew {
		return nil, mnsRefuse("TimeExpired", "The http request you sent is expired.")
	}
	if r.Header.Get("x-mns-version") != mnsVersion {
		return nil, mnsRefuse("InvalidArgument", "The header x-mns-version must be "+mnsVersion+".")
	}
	s.mu.Lock()
	token := s.mns.tokens[keyID]
	s.mu.Unlock()
	if token == nil {
		return nil, mnsRefuse("InvalidAccessKeyId", "The AccessKeyId you provided does not exist.")
	}
	if !equal(mnsSignature(r, token.AccessKeySecret), signature) {
		return nil, mnsRefuse(
			"SignatureDoesNotMatch",
			"The request signature we calculated does not match the signature you provided.",
		)
	}
	if r.Header.Get("security-token") != token.SecurityToken {
		return nil, mnsRefuse("AccessDenied", "The security token is missing or not that of the key.")
	}
	if !now.Before(token.expiresAt) {
		return nil, mnsRefuse("AccessDenied", "The security token has expired.")
	}
	return token, nil
}

// mnsSignature is the signature as it should be. Path and query are signed as they were sent.
func mnsSignature(r *http.Request, secret string) string {
	var own []string
	for name, values := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-mns-") {
			own = append(own, lower+":"+strings.TrimSpace(strings.Join(values, ","))+"\n")
		}
	}
	slices.Sort(own)
	resource := r.RequestURI
	if !strings.HasPrefix(resource, "/") {
		resource = r.URL.RequestURI()
	}
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(strings.Join([]string{
		r.Method, r.Header.Get("Content-MD5"), r.Header.Get("Content-Type"), r.Header.Get("Date"),
		strings.Join(own, "") + resource,
	}, "\n")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
