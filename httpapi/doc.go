// Package httpapi serves tasks over HTTP, to producers in any language: what a [tasks.Queue] does
// for a program in Go. docs/http-api.md describes its requests and answers, and openapi.json, which
// it serves itself, writes them down for programs.
//
//	tokens, err := httpapi.OpenTokens("tokens", logger)
//	api, err := httpapi.New(httpapi.Config{Queue: queue, Calls: store, Tokens: tokens})
//	server := &http.Server{Handler: api}
//
// [API] is an http.Handler. It needs a server that bounds how long a request's headers may take,
// and TLS, or a proxy that ends it, wherever others could listen.
package httpapi
