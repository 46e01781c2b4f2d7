package callbacks

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	secretOne = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secretTwo = "whsec_aGVyZSBhcmUgMzIgYnl0ZXMgb2YgYSBzZWNyZXQhISE="
)

// The vector that the libraries of Standard Webhooks share.
const (
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorBody      = `{"test": 2432232314}`
	vectorSeconds   = 1614265330
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func TestSignsAsStandardWebhooks(t *testing.T) {
	t.Parallel()
	got, err := Sign(secretOne, vectorID, time.Unix(vectorSeconds, 999_999_999), []byte(vectorBody))
	if err != nil || got != vectorSignature {
		t.Errorf("got %s, %v, want %s", got, err, vectorSignature)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	at := time.Unix(vectorSeconds, 0)
	other, err := Sign(secretTwo, vectorID, at, []byte(vectorBody))
	if err != nil {
		t.Fatal(err)
	}
	one := []string{secretOne}
	tests := map[string]struct {
		secrets                  []string
		id, timestamp, signature string
		body                     string
		now                      time.Time
		want                     error
	}{
		"signed":                          {signature: vectorSignature},
		"the second secret":               {secrets: []string{secretTwo, secretOne}, signature: vectorSignature},
		"the second signature":            {signature: other + " " + vectorSignature},
		"beside other schemes":            {signature: "v1a,AAAA " + vectorSignature + " v2,zzz"},
		"five minutes ago":                {signature: vectorSignature, now: at.Add(5 * time.Minute)},
		"five minutes ahead":              {signature: vectorSignature, now: at.Add(-5 * time.Minute)},
		"longer ago":                      {signature: vectorSignature, now: at.Add(5*time.Minute + time.Second), want: ErrTimestamp},
		"further ahead":                   {signature: vectorSignature, now: at.Add(-5*time.Minute - time.Second), want: ErrTimestamp},
		"the largest time":                {timestamp: "9223372036854775807", signature: vectorSignature, want: ErrTimestamp},
		"the smallest time":               {timestamp: "-9223372036854775808", signature: vectorSignature, want: ErrTimestamp},
		"another secret":                  {secrets: []string{secretTwo}, signature: vectorSignature, want: ErrSignature},
		"no secret":                       {secrets: []string{}, signature: vectorSignature, want: ErrSignature},
		"another body":                    {signature: vectorSignature, body: vectorBody + " ", want: ErrSignature},
		"another id":                      {id: "msg_other", signature: vectorSignature, want: ErrSignature},
		"another time":                    {timestamp: strconv.Itoa(vectorSeconds + 1), signature: vectorSignature, want: ErrSignature},
		"a signature that is cut":         {signature: vectorSignature[:20], want: ErrSignature},
		"a signature without its version": {signature: strings.TrimPrefix(vectorSignature, "v1,"), want: ErrSignature},
		"an empty signature":              {signature: "v1,", want: ErrSignature},
		"no signature":                    {signature: " ", want: ErrHeaders},
		"far too many":                    {signature: strings.Repeat("v1,AAAA ", 1000) + vectorSignature, want: ErrHeaders},
		"no id":                           {id: "-", signature: vectorSignature, want: ErrHeaders},
		"no time":                         {timestamp: "-", signature: vectorSignature, want: ErrHeaders},
		"a time that is none":             {timestamp: "2021-02-25", signature: vectorSignature, want: ErrHeaders},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			set := func(name, value, usual string) {
				if value == "" {
					value = usual
				}
				if value != "-" {
					header.Set(name, value)
				}
			}
			set(HeaderID, test.id, vectorID)
			set(HeaderTimestamp, test.timestamp, strconv.Itoa(vectorSeconds))
			set(HeaderSignature, test.signature, "-")
			if test.secrets == nil {
				test.secrets = one
			}
			if test.body == "" {
				test.body = vectorBody
			}
			if test.now.IsZero() {
				test.now = at
			}
			if err := Verify(test.secrets, header, []byte(test.body), test.now); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// TestSecrets: no error repeats what it refuses.
func TestSecrets(t *testing.T) {
	t.Parallel()
	of := func(n int) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", n))) }
	for secret, good := range map[string]bool{
		"whsec_" + of(24): true, "whsec_" + of(64): true, "whsec_" + of(23): false, "whsec_" + of(65): false,
		"whsec_": false, "": false, of(32): false, "whsk_" + of(32): false, "whsec_" + of(32) + "\n": false, "whsec_!" + of(32): false,
		"whsec_" + strings.TrimRight(of(32), "="): false,
	} {
		_, signs := Sign(secret, "id", time.Now(), nil)
		verifies := Verify([]string{secret}, http.Header{}, nil, time.Now())
		if (signs == nil) != good || errors.Is(verifies, ErrHeaders) != good {
			t.Errorf("%q: %v, %v", secret, signs, verifies)
		}
		for _, err := range []error{signs, verifies} {
			if err != nil && secret != "" && strings.Contains(err.Error(), secret) && secret != "whsec_" {
				t.Errorf("the error repeats the secret: %v", err)
			}
		}
	}
}
