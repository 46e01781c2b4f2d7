package httpapi

import (
	"strings"
)

const (
	challenge        = `Bearer realm="dyplsq"`
	challengeInvalid = challenge + `, error="invalid_token"`
)

// authorize finds the token of a request, and whether it has the scope.
func (e *exchange) authorize(o operation) error {
	if o.open {
		return nil
	}
	token, err := e.findToken()
	if err != nil {
		return err
	}
	e.token = token
	if !token.has(o.scope) {
		return problem(forbidden, FieldError{
			Field:  "Authorization",
			Rule:   "must be a token with the scope " + string(o.scope),
			Remedy: "make one with dyplsq token new --scope " + string(o.scope),
		}).challenging(challenge + `, error="insufficient_scope", scope="` + string(o.scope) + `"`)
	}
	return nil
}

// findToken reads the one way in which a token may be shown.
func (e *exchange) findToken() (Token, error) {
	given := e.r.Header.Values("Authorization")
	if len(given) == 0 {
		return Token{}, problem(unauthorized).challenging(challenge)
	}
	scheme, secret, _ := strings.Cut(given[0], " ")
	if len(given) == 1 && strings.EqualFold(scheme, "Bearer") {
		if token, found := e.api.tokens.Find(strings.Trim(secret, " ")); found {
			return token, nil
		}
	}
	return Token{}, problem(unauthorized).challenging(challengeInvalid)
}

// stillHolds reports whether the token is one, and the same, now: a request may have waited.
func (e *exchange) stillHolds() error {
	token, err := e.findToken()
	if err == nil {
		e.token = token
	}
	return err
}
