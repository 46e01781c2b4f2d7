package dyplstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
)

const algorithmV3 = "ACS3-HMAC-SHA256"

// requiredV3 are the headers that must be signed: an action or a date that is not could be
// exchanged on the way.
var requiredV3 = []string{
	"host",
	"x-acs-action",
	"x-acs-version",
	"x-acs-date",
	"x-acs-signature-nonce",
	"x-acs-content-sha256",
}

// isV3 reports whether a request is signed in its headers. Official V1 clients send x-acs-action,
// too, so only this tells.
func isV3(r *http.Request) bool { return r.Header.Get("Authorization") != "" }

// lacksAuthorization reports whether a request is V3's but for its signature: what V1 needs is not
// there either.
func (r request) lacksAuthorization() bool {
	return r.http.Header.Get("x-acs-action") != "" && r.all.get("Action") == "" &&
		r.all.get("Signature") == ""
}

// credentialsV3 reads the credentials of ACS3-HMAC-SHA256 (help page of the V3 request structure
// and signature).
func (r request) credentialsV3() (credentials, *answer) {
	algorithm, rest, _ := strings.Cut(r.http.Header.Get("Authorization"), " ")
	if algorithm != algorithmV3 {
		return credentials{}, refuse(
			"InvalidSignatureMethod",
			"The simulator knows "+algorithmV3+" and HMAC-SHA1 only.",
		)
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	signed := strings.Split(fields["SignedHeaders"], ";")
	header := func(name string) string { return headerV3(r.http, name) }
	for _, name := range requiredV3 {
		if header(name) == "" {
			return credentials{}, refuse(
				"MissingHeader",
				"Specified header "+name+" is mandatory for this action.",
			)
		}
		if !slices.Contains(signed, name) {
			return credentials{}, refuse("IncompleteSignature", "The header "+name+" is not signed.")
		}
	}
	token := header("x-acs-security-token")
	if token != "" && !slices.Contains(signed, "x-acs-security-token") {
		return credentials{}, refuse(
			"IncompleteSignature",
			"The header x-acs-security-token is not signed.",
		)
	}
	return credentials{
		action:  header("x-acs-action"),
		version: header("x-acs-version"),
		keyID:   fields["Credential"],
		token:   token,
		date:    header("x-acs-date"),
		nonce:   header("x-acs-signature-nonce"),
		given:   fields["Signature"],
		sign:    func(secret string) (string, string) { return r.signV3(secret, signed) },
	}, nil
}

// signV3 takes the payload's hash from the body itself: where x-acs-content-sha256 says otherwise,
// nothing matches.
func (r request) signV3(secret string, signed []string) (string, string) {
	sum := sha256.Sum256(r.body)
	payload := hex.EncodeToString(sum[:])
	if headerV3(r.http, "x-acs-content-sha256") != payload {
		return "", "x-acs-content-sha256 is not the hash of the body, which is " + payload
	}
	var canonical strings.Builder
	canonical.WriteString(r.http.Method + "\n/\n" + canonicalQuery(r.query) + "\n")
	for _, name := range signed {
		canonical.WriteString(name + ":" + headerV3(r.http, name) + "\n")
	}
	canonical.WriteString("\n" + strings.Join(signed, ";") + "\n" + payload)
	hashed := sha256.Sum256([]byte(canonical.String()))
	stringToSign := algorithmV3 + "\n" + hex.EncodeToString(hashed[:])
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stringToSign))
	signature := hex.EncodeToString(mac.Sum(nil))
	return signature, stringToSign + " of the canonical request:" + canonical.String()
}

// headerV3 returns a header as it is signed.
func headerV3(r *http.Request, name string) string {
	if name == "host" {
		return r.Host
	}
	values := slices.Clone(r.Header.Values(name))
	for i, value := range values {
		values[i] = strings.TrimSpace(value)
	}
	slices.Sort(values)
	return strings.Join(values, ",")
}

func equal(a, b string) bool { return a != "" && hmac.Equal([]byte(a), []byte(b)) }
