package dyplstest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxBody is more than any request of this API takes.
const maxBody = 1 << 20

// call is one authenticated request.
type call struct {
	account    *account
	action     string
	parameters parameters // of the action, sorted; those of the protocol left out
	keyID      string
	base       string // of links to recordings that it is answered with
	nonce      string
	at         time.Time
	requestID  string
	entry      *Entry // guarded by Simulator.mu
}

// parameter is one name and value, unescaped.
type parameter struct{ name, value string }

// parameters are sorted by name, each there once.
type parameters []parameter

func (p parameters) lookup(name string) (string, bool) {
	for i := range p {
		if p[i].name == name {
			return p[i].value, true
		}
	}
	return "", false
}

func (p parameters) get(name string) string {
	value, _ := p.lookup(name)
	return value
}

// accessKeyID is the API's name of the parameter that tells whose call it is.
const accessKeyID = "AccessKeyId"

// protocol holds the parameters that belong to the protocol, not to an action, and those that every
// action accepts and ignores: two requests that differ in them alone are the same request.
var protocol = map[string]bool{
	"Action":               true,
	"Version":              true,
	"Format":               true,
	"RegionId":             true,
	"AccessKeyId":          true,
	"Timestamp":            true,
	"Signature":            true,
	"SignatureMethod":      true,
	"SignatureVersion":     true,
	"SignatureNonce":       true,
	"SignatureType":        true,
	"SecurityToken":        true,
	"BearerToken":          true,
	"OwnerId":              true,
	"ResourceOwnerId":      true,
	"ResourceOwnerAccount": true,
}

// ofAction returns the parameters that are not the protocol's. An empty one is as good as absent to
// this API.
func (p parameters) ofAction() parameters {
	kept := make(parameters, 0, len(p))
	for _, one := range p {
		if !protocol[one.name] && one.value != "" {
			kept = append(kept, one)
		}
	}
	return kept
}

// request is what came in, before it is known who sent it.
type request struct {
	http  *http.Request
	body  []byte
	query parameters // of the URL
	all   parameters // of the URL and of a form in the body
}

// readRequest reads the whole request: only then does net/http notice a client that goes away.
func readRequest(w http.ResponseWriter, r *http.Request) (request, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return request{}, fmt.Errorf("the body cannot be read: %w", err)
	}
	query, err := parse(r.URL.RawQuery)
	if err != nil {
		return request{}, err
	}
	req := request{http: r, body: body, query: query, all: query}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media != "application/x-www-form-urlencoded" || len(body) == 0 {
		return req, nil
	}
	req.all, err = parse(joinQueries(r.URL.RawQuery, string(body)))
	return req, err
}

func joinQueries(a, b string) string {
	if a == "" {
		return b
	}
	return a + "&" + b
}

// parse reads names and values. A name given twice is refused: signers keep only one of them, so
// whichever was taken here, some client would be surprised.
func parse(encoded string) (parameters, error) {
	var all parameters
	for part := range strings.SplitSeq(encoded, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if errName != nil || errValue != nil {
			return nil, errors.New("the parameters are not percent-encoded as they should be")
		}
		all = append(all, parameter{name, value})
	}
	slices.SortFunc(all, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(all); i++ {
		if all[i].name == all[i-1].name {
			return nil, fmt.Errorf("the parameter %s is given twice", all[i].name)
		}
	}
	return all, nil
}
