package tasks_test

import (
	"regexp"
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

		"upper case":     {"REDIS://localhost", "localhost:6379", false},
		"newline behind": {"redis://localhost:6379/0\n", "localhost:6379", false},
		"blank in front": {" rediss://localhost/0\t ", "localhost:6379", true},
		"IPv6":           {"redis://:s3cret@[::1]:6380/0", "[::1]:6380", false},
		"IPv6, no port":  {"redis://[2001:db8::7]", "[2001:db8::7]:6379", false},
		"IPv6 zone":      {"redis://[fe80::1%25eth0]:6380", "[fe80::1%eth0]:6380", false},
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

// TestWhatIsWrongWithARedisURL: which part, and what to do; and nothing of the URL that could be of
// a password.
func TestWhatIsWrongWithARedisURL(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		url  string
		says string
	}{
		"no scheme":            {"s3cret:s3cret@localhost:6379", "must start with redis://"},
		"in quotes":            {`"redis://:s3cret@localhost"`, "quotation marks: remove them"},
		"in single quotes":     {"'redis://:s3cret@localhost'", "quotation marks: remove them"},
		"a quote behind":       {`redis://:s3cret@localhost:6379/0"`, "database, behind the slash, is not a number"},
		"a quote in the host":  {`redis://:s3cret@"localhost"`, "quotation marks; remove them"},
		"a blank inside":       {"redis://:s3cret @localhost", "a blank or a control character"},
		"a newline inside":     {"redis://:s3\ncret@localhost", "a blank or a control character"},
		"IPv6 bare":            {"redis://:s3cret@::1", "write [::1]:6379"},
		"IPv6 bare and a port": {"redis://:s3cret@2001:db8::7:6380", "IPv6 address without brackets"},
		"IPv6 of nothing":      {"redis://[s3cret]:6380", "no IPv6 address in its brackets"},
		"port of letters":      {"redis://:s3cret@localhost:s3cret", "the port must be a number"},
		"port too high":        {"redis://:s3cret@localhost:65536", "the port must be a number from 1 to 65535"},
		"no host":              {"redis://:s3cret@:6379", "the host is missing"},
		"nothing":              {"redis://", "empty"},
		"database of letters":  {"redis://:s3cret@localhost/s3cret", "database, behind the slash, is not a number"},
		"two databases":        {"redis://localhost/0/1", "database, behind the slash, is not a number"},
		"unknown parameter":    {"redis://:s3cret@localhost?read_timout=5s", "its parameter read_timout is unknown"},
		"a value":              {"redis://:s3cret@localhost?read_timeout=s3cret", "its parameter read_timeout has a value that cannot be read"},
		"a switch":             {"redis://:s3cret@localhost?pool_fifo=s3cret", "its parameter pool_fifo has a value"},
		"password behind":      {"redis://localhost?password=s3cret", "user and password stand in front of the host"},
		"for TLS":              {"redis://localhost?skip_verify=true", "write rediss://"},
		"for Sentinels":        {"redis://localhost?master=main", "redis-sentinel:// alone"},
		"part of a password":   {"redis-sentinel://a?master=m&sentinel_password=x&s3cret=y", "its parameter number 3 is unknown"},
		"of a wrong name":      {"redis-sentinel://a?master=m&sentinel_pass=x&s3cret=y", "its parameter sentinel_pass is unknown"},
		"a bad escape":         {"redis-sentinel://a?master=m&sentinel_password=s3cret%zz", "sentinel_password has a %"},
		"no colon, a slash":    {"redis://s3cret/more@localhost", "percent-encode"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tasks.RedisConfig{URL: test.url}.Client()
			if err == nil {
				t.Fatal("it was taken")
			}
			if !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("does not say %q, or says too much: %v", test.says, err)
			}
		})
	}
}

func TestWhatIsWrongWithClusterNodes(t *testing.T) {
	t.Parallel()
	for nodes, says := range map[string]string{
		"a,": "number 2 of the list is empty; name a host, and leave no comma at an end", ",a": "number 1 of the list is empty", "a,,b": "number 2",
		`"a:1,b:2"`: "number 1 of the list is in quotation marks", "a:b": "the port must be a number", "::1": "write [::1]:6379",
		"redis://:s3cret@a:1": "not host:port",
	} {
		_, err := tasks.RedisConfig{ClusterNodes: nodes}.Client()
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", nodes, err)
		}
	}
}

// FuzzRedisURLKeepsItsSecrets: whatever stands in user and password, a URL is read as it is
// written, or refused without a word of them. In no case another host comes out of it than the one
// behind the last @.
func FuzzRedisURLKeepsItsSecrets(f *testing.F) {
	for reserved := range strings.SplitSeq(" !\"#$%&'()*+,/:;<=>?@[]^`{|}~\\\n\x00é密", "") {
		f.Add("app", "seven"+reserved+"eleven", "sentinel"+reserved+"words")
		f.Add("seven"+reserved+"eleven", "twelve", "words")
		f.Add("", reserved+reserved+"eleven"+reserved, reserved)
		f.Add("app", "6379"+reserved+"localhost"+reserved+"1", "a=b"+reserved+"&c=d")
	}
	f.Add("app", "%41%42%zz", "%")
	f.Add("", "//", " ")
	f.Fuzz(func(t *testing.T, user, password, sentinels string) {
		const host = "h0.t:7"
		user, password, sentinels = strange(user), strange(password), strange(sentinels)
		login := user + ":" + password + "@"
		for _, rawURL := range []string{
			"redis://" + login + host + "/3", "rediss://" + login + host, "redis://" + user + "@" + host + "/3?read_timeout=1s",
			"redis-sentinel://" + login + host + "?master=m&sentinel_password=" + sentinels,
			"rediss-sentinel://" + login + host + ",h1.t/2?sentinel_password=" + sentinels + "&master=m",
		} {
			options, ofSentinels, err := tasks.OptionsOf(tasks.RedisConfig{URL: rawURL})
			if err != nil {
				tellsNothing(t, err)
				continue
			}
			if strings.Contains(rawURL, "-sentinel") && !strings.Contains(sentinels, "%") && ofSentinels != strings.TrimSpace(sentinels) {
				t.Errorf("%q logs in to the Sentinels with %q", rawURL, ofSentinels)
			}
			if !strings.Contains(rawURL, "-sentinel") && options.Addr != host {
				t.Errorf("%q leads to %q", rawURL, options.Addr)
			}
			wantUser, wantPassword, _ := strings.Cut(strings.TrimSuffix(login, "@"), ":")
			if _, behind, _ := strings.Cut(rawURL, "://"); !strings.HasPrefix(behind, login) { // the one without a password
				wantUser, wantPassword, _ = strings.Cut(user, ":")
			}
			if !strings.Contains(login, "%") && (options.Username != wantUser || options.Password != wantPassword) {
				t.Errorf("%q logs in as %q with %q", rawURL, options.Username, options.Password)
			}
		}
	})
}

// strange puts letters and digits into a secret that no word of an error has three of in a row.
func strange(secret string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			return []rune("qzjx")[r%4]
		case r >= '0' && r <= '9':
			return '7'
		default:
			return r
		}
	}, secret)
}

var strangeWords = regexp.MustCompile("[qzjx7]{3,}")

func tellsNothing(t *testing.T, err error) {
	t.Helper()
	if told := strangeWords.FindString(err.Error()); told != "" {
		t.Errorf("the error tells %q: %v", told, err)
	}
}
