package httpapi

import (
	"net/http"
)

// Problem is what keeps a request from being done, as RFC 9457 writes it. Nothing in it repeats
// what the request said.
type Problem struct { //nolint:errname // what the RFC calls it
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Errors are all that is wrong with the request.
	Errors []FieldError `json:"errors,omitempty"`
	// State is the task's, where that is what is in the way.
	State string `json:"state,omitempty"`
	// IDs are the keys under which tasks without one may be recorded, in the order of the batch:
	// whoever repeats the request under them doubles nothing.
	IDs []string `json:"ids,omitempty"`

	allow      string
	challenge  string
	retryAfter int // seconds
}

// FieldError is one thing that is wrong with a request.
type FieldError struct {
	// Field is a member of the body, a parameter of the request under the API's own name, a parameter
	// of the query or a header.
	Field  string `json:"field"`
	Rule   string `json:"rule"`
	Remedy string `json:"remedy"`
	// Item is which of a batch it is about, from 0.
	Item *int `json:"item,omitempty"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Title }

// kind is a kind of problem. Its name is the anchor of its heading in docs/http-api.md.
type kind struct {
	name   string
	status int
	title  string
	detail string
}

const problemBase = "https://github.com/seed-5c07c2e9/dyplsq/blob/main/docs/http-api.md#"

// The kinds of problems.
var (
	badRequest = kind{
		"bad-request", http.StatusBadRequest, "The request cannot be read",
		"The body ended early, or its chunks are malformed. Send it again.",
	}
	unauthorized = kind{
		"unauthorized", http.StatusUnauthorized, "No valid token",
		"Send Authorization: Bearer TOKEN, with a token that dyplsq token new made.",
	}
	forbidden = kind{
		"forbidden", http.StatusForbidden, "The token lacks a scope",
		"Use a token that has the scope which errors names.",
	}
	notThroughProxy = kind{
		"not-through-the-proxy", http.StatusForbidden, "Only through the proxy",
		"Ask for the address of the proxy.",
	}
	notFound = kind{
		"not-found", http.StatusNotFound, "There is nothing under this path",
		"Check the path; an id in it is one segment, with its slashes as %2F.",
	}
	unknownTask = kind{
		"unknown-task", http.StatusNotFound, "Unknown task",
		"It was never enqueued, or its outcome is no longer kept.",
	}
	unknownCall = kind{
		"unknown-call", http.StatusNotFound, "Unknown call",
		"No receipt of it came, or what it said is no longer kept.",
	}
	methodNotAllowed = kind{
		"method-not-allowed", http.StatusMethodNotAllowed, "Another method is needed",
		"Use one of those in the header Allow.",
	}
	requestTimeout = kind{
		"request-timeout", http.StatusRequestTimeout, "The body came too slowly",
		"Send it within 10 seconds.",
	}
	keyReused = kind{
		"key-reused", http.StatusConflict, "The key was used for another request",
		"Use a new key for a new request. A time that is computed anew, such as now and an hour, is another one each time.",
	}
	tooLate = kind{
		"too-late", http.StatusConflict, "Too late to cancel",
		"A call of the task is out, or may have taken effect, or the task is over.",
	}
	notUncertain = kind{
		"not-uncertain", http.StatusConflict, "The task is not uncertain",
		"Only a task that is held as uncertain can be resolved.",
	}
	tooLarge = kind{
		"too-large", http.StatusRequestEntityTooLarge, "The body is too large",
		"A task may have 1 MiB, a batch 8 MiB: split it.",
	}
	unsupported = kind{
		"unsupported-media-type", http.StatusUnsupportedMediaType, "The body must be JSON",
		"Send Content-Type: application/json, in UTF-8, and no Content-Encoding.",
	}
	misdirected = kind{
		"misdirected", http.StatusMisdirectedRequest, "Not under this name",
		"Ask for the address that the server listens on, or start it with --host NAME.",
	}
	invalid = kind{
		"invalid", http.StatusUnprocessableEntity, "The request is not valid",
		"Nothing was done. Mend what errors lists.",
	}
	tooManyWaits = kind{
		"too-many-waits", http.StatusTooManyRequests, "The token waits for too much at once",
		"Wait for fewer tasks at once, or follow the outcomes of all.",
	}
	internal = kind{
		"internal", http.StatusInternalServerError, "Internal error",
		"The server's log has more. To repeat the request under the same key is safe.",
	}
	busy = kind{
		"busy", http.StatusServiceUnavailable, "Too many requests at once",
		"Nothing was done. Repeat it after Retry-After.",
	}
	redisUnreachable = kind{
		"redis-unreachable", http.StatusServiceUnavailable, "Redis is out of reach",
		"Repeat the request under the same key, which is safe: whether it took effect is not known.",
	}
	redisRefuses = kind{
		"redis-refuses", http.StatusServiceUnavailable, "Redis refuses",
		"The server's log says why. To repeat the request under the same key is safe.",
	}
	undecryptable = kind{
		"undecryptable", http.StatusServiceUnavailable, "What is recorded does not open",
		"The server lacks a key, or the record was changed: its operator is told. Nothing is lost; ask again later.",
	}
	tooFewReplicas = kind{
		"too-few-replicas", http.StatusServiceUnavailable, "Too few replicas hold the task",
		"It is recorded, and a failover could forget it. Repeat the request under the same key, which is safe.",
	}
)

// problem makes one of a kind.
func problem(k kind, errs ...FieldError) *Problem {
	p := &Problem{
		Type: problemBase + k.name, Title: k.title, Status: k.status, Detail: k.detail, Errors: errs,
	}
	if k.status == http.StatusServiceUnavailable || k.status == http.StatusTooManyRequests {
		p.retryAfter = 1
	}
	return p
}

func (p *Problem) allowing(methods string) *Problem {
	p.allow = methods
	return p
}

func (p *Problem) challenging(challenge string) *Problem {
	p.challenge = challenge
	return p
}

// inState tells the task's state.
func (p *Problem) inState(state string) *Problem {
	p.State = state
	return p
}

// repeatUnder tells the keys of tasks that had none.
func (p *Problem) repeatUnder(ids []string) *Problem {
	p.IDs = ids
	return p
}
