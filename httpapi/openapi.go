package httpapi

import (
	_ "embed"
	"net/http"
)

// openapi describes the API to programs. It is kept by hand; tests hold every answer against it.
//
//go:embed openapi.json
var openapi []byte

// Description returns the OpenAPI document, which GET /v1/openapi.json serves.
func Description() []byte { return append([]byte(nil), openapi...) }

// description serves the document. It needs no token: it is the same for everybody.
func (*API) description(e *exchange) error {
	e.send(http.StatusOK, "application/json", openapi)
	return nil
}
