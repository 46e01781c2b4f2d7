package dyplstest

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the protocol's own choice
	"encoding/base64"
	"slices"
	"strings"
)

// credentialsV1 reads the credentials of the RPC protocol's HMAC-SHA1 (help page of the RPC
// signature method).
func (r request) credentialsV1() (credentials, *answer) {
	for _, name := range []string{
		"Action", "Version", "AccessKeyId", "Signature", "SignatureMethod", "SignatureNonce", "Timestamp",
	} {
		if r.all.get(name) == "" {
			return credentials{}, refuse("Missing"+name, name+" is mandatory for this action.")
		}
	}
	if method := r.all.get("SignatureMethod"); method != "HMAC-SHA1" {
		return credentials{}, refuse(
			"InvalidSignatureMethod",
			"The simulator knows "+algorithmV3+" and HMAC-SHA1 only.",
		)
	}
	if v := r.all.get("SignatureVersion"); v != "1.0" {
		return credentials{}, refuse(
			"InvalidSignatureVersion",
			"Specified parameter SignatureVersion is not valid.",
		)
	}
	if format := r.all.get("Format"); format != "" && !strings.EqualFold(format, "json") {
		return credentials{}, refuse("InvalidFormat", "The simulator answers in JSON only.")
	}
	return credentials{
		action:  r.all.get("Action"),
		version: r.all.get("Version"),
		keyID:   r.all.get("AccessKeyId"),
		token:   r.all.get("SecurityToken"),
		date:    r.all.get("Timestamp"),
		nonce:   r.all.get("SignatureNonce"),
		given:   r.all.get("Signature"),
		sign:    r.signV1,
	}, nil
}

func (r request) signV1(secret string) (string, string) {
	signed := slices.DeleteFunc(
		slices.Clone(r.all),
		func(p parameter) bool { return p.name == "Signature" },
	)
	stringToSign := r.http.Method + "&%2F&" + escape(canonicalQuery(signed))
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(stringToSign))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)), stringToSign
}

// canonicalQuery writes sorted parameters as both protocols sign them.
func canonicalQuery(p parameters) string {
	var b strings.Builder
	for i, one := range p {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(escape(one.name))
		b.WriteByte('=')
		b.WriteString(escape(one.value))
	}
	return b.String()
}

// escape percent-encodes by RFC 3986: everything but letters, digits and the four of -_.~ alone.
func escape(s string) string {
	const hexDigits = "0123456789ABCDEF"
	if !strings.ContainsFunc(s, reserved) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; reserved(rune(c)) {
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func reserved(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z',
		r >= 'A' && r <= 'Z',
		r >= '0' && r <= '9',
		r == '-',
		r == '_',
		r == '.',
		r == '~':
		return false
	}
	return true
}
