package tasks_test

import (
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func TestParseRedisURL(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		url  string
		addr string // "" for refused
		tls  bool
	}{
		"plain":          {"redis://localhost:6379/0", "localhost:6379", false},
		"password":       {"redis://app:s3cret@10.0.0.1:6380/3", "10.0.0.1:6380", false},
		"TLS":            {"rediss://r-bp1.redis.rds.aliyuncs.com:6379", "r-bp1.redis.rds.aliyuncs.com:6379", true},
		"default port":   {"redis://localhost", "localhost:6379", false},
		"asks for retry": {"redis://localhost:6379/0?max_retries=5", "localhost:6379", false},
		"sentinel":       {"redis-sentinel://:s3cret@a:1,b:2/master", "", false},
		"other scheme":   {"https://:s3cret@localhost", "", false},
		"no scheme":      {"localhost:6379", "", false},
		"empty":          {"", "", false},
		"bad escape":     {"redis://:s3cret%zz@localhost", "", false},
		"bad database":   {"redis://:s3cret@localhost/many", "", false},
		"bad setting":    {"redis://:s3cret@localhost?colour=red", "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options, err := tasks.ParseRedisURL(test.url)
			if (err == nil) != (test.addr != "") {
				t.Fatalf("%v", err)
			}
			if err != nil {
				if strings.Contains(err.Error(), "s3cret") {
					t.Errorf("the error tells the password: %v", err)
				}
				if _, err := tasks.Open(test.url); err == nil {
					t.Error("Open took it")
				}
				return
			}
			if options.Addr != test.addr || (options.TLSConfig != nil) != test.tls {
				t.Errorf("%s, TLS %t", options.Addr, options.TLSConfig != nil)
			}
			// a dequeue that is sent again loses a task, whatever the URL asks for
			if options.MaxRetries != -1 || !options.ContextTimeoutEnabled {
				t.Errorf("MaxRetries %d, ContextTimeoutEnabled %t", options.MaxRetries, options.ContextTimeoutEnabled)
			}
		})
	}
}
