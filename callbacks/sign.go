package callbacks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a callback, as Standard Webhooks names them.
const (
	HeaderID        = "Webhook-Id"        // the event's, the same however often it is told
	HeaderTimestamp = "Webhook-Timestamp" // when it was sent, in Unix seconds
	HeaderSignature = "Webhook-Signature" // v1,BASE64, one for each secret, with spaces between them
)

const (
	secretPrefix             = "whsec_"
	secretRule               = "must be whsec_ and the base64 of 24 to 64 random bytes" //nolint:gosec // it is none
	leastSecret, mostSecret  = 24, 64
	signaturePrefix          = "v1,"
	signatureWindow          = 5 * time.Minute
	mostSignaturesOfOneEvent = 32
)

// Errors of [Verify].
var (
	// ErrSignature is that no secret has signed the body: it was sent by somebody else, or changed on
	// its way.
	ErrSignature = errors.New("no signature fits: compare the secret, and check the body as it came, before it is parsed")
	// ErrTimestamp is that it was signed more than five minutes ago, or ahead: it may be an old one
	// that somebody sends again.
	ErrTimestamp = errors.New("webhook-timestamp is more than 5 minutes from now: compare this machine's clock")
	// ErrHeaders is that a header is missing, or is none of Standard Webhooks'.
	ErrHeaders = errors.New("webhook-id, webhook-timestamp or webhook-signature is missing, or not as Standard Webhooks writes it")
)

// keyOf returns the bytes of a secret. The error does not repeat it.
func keyOf(secret string) ([]byte, error) {
	text, found := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || !found || strings.ContainsAny(text, "\r\n") || len(key) < leastSecret ||
		len(key) > mostSecret {
		return nil, errors.New("the secret " + secretRule)
	}
	return key, nil
}

// Sign returns the signature of a body by a secret, v1,BASE64, as it stands in [HeaderSignature].
// The id must not hold a dot; of the time the seconds count. The error is that the secret is none,
// and does not repeat it.
func Sign(secret, id string, timestamp time.Time, body []byte) (string, error) {
	key, err := keyOf(secret)
	if err != nil {
		return "", err
	}
	return signaturePrefix + base64.StdEncoding.EncodeToString(
		macOf(key, id, timestamp.Unix(), body),
	), nil
}

func macOf(key []byte, id string, seconds int64, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%d.", id, seconds)
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}

// Verify tells a receiver whether one of its secrets has signed a body, as it came, within five
// minutes of now. Several secrets let them be changed without missing a callback. Whoever gets nil
// should then look whether it has seen this [HeaderID] before: every event may come more than once.
//
// Errors: [ErrHeaders], [ErrTimestamp], [ErrSignature], or that a secret is none.
func Verify(secrets []string, header http.Header, body []byte, now time.Time) error {
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		var err error
		if keys[i], err = keyOf(secret); err != nil {
			return err
		}
	}
	id, signatures := header.Get(HeaderID), strings.Fields(header.Get(HeaderSignature))
	seconds, err := strconv.ParseInt(header.Get(HeaderTimestamp), 10, 64)
	if err != nil || id == "" || len(signatures) == 0 || len(signatures) > mostSignaturesOfOneEvent {
		return ErrHeaders
	}
	if at := now.Unix(); seconds < at-int64(signatureWindow.Seconds()) ||
		seconds > at+int64(signatureWindow.Seconds()) {
		return ErrTimestamp
	}
	for _, signature := range signatures {
		text, isV1 := strings.CutPrefix(signature, signaturePrefix)
		given, err := base64.StdEncoding.DecodeString(text)
		if !isV1 || err != nil { // of another scheme
			continue
		}
		for _, key := range keys {
			if hmac.Equal(given, macOf(key, id, seconds, body)) {
				return nil
			}
		}
	}
	return ErrSignature
}
