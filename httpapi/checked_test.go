package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// document is openapi.json as the validator reads it: an answer must not have a member that is not
// described, which clients are to bear and tests are not.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	var all map[string]any
	if err := json.Unmarshal(Description(), &all); err != nil {
		return nil, err
	}
	closeObjects(all["components"].(map[string]any)["schemas"])
	text, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

// closeObjects forbids other members than those that are described.
func closeObjects(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		if _, described := s["properties"]; described && s["type"] == "object" && s["additionalProperties"] == nil {
			s["additionalProperties"] = false
		}
		for _, inner := range s {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range s {
			closeObjects(inner)
		}
	}
}

// provoked are the answers that were seen: "POST /v1/tasks 202".
var provoked = struct {
	sync.Mutex

	answers map[string]bool
}{answers: map[string]bool{}}

// documented are the answers that openapi.json describes.
func documented(doc *openapi3.T) (answers []string) {
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				if status != "default" {
					answers = append(answers, method+" "+path+" "+status)
				}
			}
		}
	}
	slices.Sort(answers)
	return answers
}

// unprovoked are the answers that are described, and that no test saw.
func unprovoked() ([]string, error) {
	doc, err := document()
	if err != nil {
		return nil, err
	}
	provoked.Lock()
	defer provoked.Unlock()
	seen := maps.Clone(provoked.answers)
	return slices.DeleteFunc(documented(doc), func(a string) bool { return seen[a] }), nil
}

// checked is a transport that holds every answer against openapi.json, and every request that was
// answered with success.
func checked(t *testing.T) http.RoundTripper {
	t.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true
	t.Cleanup(transport.CloseIdleConnections)
	return &validator{t: t, next: transport}
}

type validator struct {
	t    *testing.T
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (v *validator) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	response, err := v.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if err := checkExchange(r, sent, response); err != nil {
		v.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	return response, nil
}

// checkExchange holds an exchange against the document.
func checkExchange(r *http.Request, sent []byte, response *http.Response) error {
	doc, err := document()
	if err != nil {
		return err
	}
	path, parameters := pathOf(r)
	item := doc.Paths.Value(path)
	if item == nil || item.GetOperation(r.Method) == nil {
		return checkProblem(response)
	}
	route := &routers.Route{Spec: doc, Path: path, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method)}
	provoked.Lock()
	provoked.answers[fmt.Sprintf("%s %s %d", r.Method, path, response.StatusCode)] = true
	provoked.Unlock()
	copied := r.Clone(r.Context())
	copied.Body = io.NopCloser(bytes.NewReader(sent))
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true, IncludeResponseStatus: true}
	request := &openapi3filter.RequestValidationInput{Request: copied, PathParams: parameters, Route: route, Options: options}
	if response.StatusCode < http.StatusMultipleChoices {
		if err := openapi3filter.ValidateRequest(r.Context(), request); err != nil {
			return fmt.Errorf("the request is taken and not described: %w", err)
		}
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: response.StatusCode, Header: response.Header, Options: options,
	}
	if response.Header.Get("Content-Type") == "text/event-stream" {
		return nil
	}
	body, err := readAgain(response)
	if err != nil {
		return err
	}
	return openapi3filter.ValidateResponse(r.Context(), input.SetBodyBytes(body))
}

// checkProblem looks at what no operation answers.
func checkProblem(response *http.Response) error {
	body, err := readAgain(response)
	if err != nil || response.Request != nil && response.Request.Method == http.MethodHead || response.StatusCode == http.StatusNoContent {
		return err
	}
	return checkSchema("Problem", body)
}

// checkSchema holds a JSON text against a schema of the document.
func checkSchema(name string, text []byte) error {
	doc, err := document()
	if err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	return doc.Components.Schemas[name].Value.VisitJSON(value, openapi3.EnableJSONSchema2020())
}

func readAgain(response *http.Response) ([]byte, error) {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

// pathOf is the path as the document writes it, and what stands in it.
func pathOf(r *http.Request) (string, map[string]string) {
	path := r.URL.EscapedPath()
	for prefix, name := range map[string]string{"/v1/tasks/": "id", "/v1/calls/": "call_id"} {
		if rest, below := strings.CutPrefix(path, prefix); below && rest != "" && !strings.Contains(rest, "/") {
			segment := strings.TrimPrefix(r.URL.Path, prefix)
			if id, resolves := strings.CutSuffix(segment, resolveSuffix); resolves && r.Method == http.MethodPost {
				return routeResolve, map[string]string{name: id}
			}
			return prefix + "{" + name + "}", map[string]string{name: segment}
		}
	}
	return path, nil
}
