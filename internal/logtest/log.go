// Package logtest has a log for tests, which read it while it is written.
package logtest

import (
	"bytes"
	"sync"
)

// Log keeps what is written to it. Its zero value is ready, and many goroutines may use it at once.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns what was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
