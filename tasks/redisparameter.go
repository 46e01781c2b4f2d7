package tasks

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// parameterName is what the name of a parameter looks like. Anything else may be a piece of a
// password.
var parameterName = regexp.MustCompile(`^[a-z][a-z_]{1,40}$`)

// sentinelParameters are this package's own. Their values are put into own, where the URL may have
// them.
var sentinelParameters = []string{"master", "sentinel_username", "sentinel_password"}

// parseParameters reads the query of a Redis URL. A + is a plus, as passwords have it. What is
// wrong is told by the name of a parameter and never by its value: an unknown name is told only
// where it cannot be a piece of a password, which secret says that there may be in front.
func parseParameters(
	scheme, query string,
	own url.Values,
	secret bool,
) (parameters url.Values, wrong []string) {
	parameters = url.Values{}
	if query == "" {
		return parameters, nil
	}
	for i, pair := range strings.Split(query, "&") {
		name, text, _ := strings.Cut(pair, "=")
		value, err := url.PathUnescape(text)
		_, ours := own[name]
		which := fmt.Sprintf("its parameter %s", name)
		if known := ours ||
			knownParameter(scheme, name, ""); !known &&
			(secret || !parameterName.MatchString(name)) {
			which = fmt.Sprintf("its parameter number %d", i+1)
		}
		switch {
		case pair == "":
			wrong = append(wrong, which+" is empty; remove the &, or write %26 where it is of a password")
		case err != nil:
			wrong = append(
				wrong,
				which+" has a % that is followed by no two hexadecimal digits; percent-encode special characters (% is %25)",
			)
		case ours:
			own.Set(name, value)
		case knownParameter(scheme, name, value):
			parameters.Set(name, value)
		default:
			wrong = append(wrong, which+" "+whyNot(scheme, name))
		}
		secret = secret || !knownParameter(scheme, name, "") && name != "master"
	}
	return parameters, wrong
}

// knownParameter tells whether go-redis knows a parameter, and takes the value.
func knownParameter(scheme, name, value string) bool {
	one := url.URL{Scheme: scheme, Host: "localhost", RawQuery: url.Values{name: {value}}.Encode()}
	_, err := redis.ParseURL(one.String())
	return err == nil
}

// whyNot is why go-redis does not take a parameter.
func whyNot(scheme, name string) string {
	switch {
	case knownParameter(scheme, name, ""):
		return "has a value that cannot be read; a duration is written as 5s, a number as 5, a switch as true"
	case knownParameter("rediss", name, ""):
		return "is for TLS alone; write rediss://, or leave it out"
	case slices.Contains(sentinelParameters, name):
		return "is for redis-sentinel:// alone"
	case name == "password" || name == "user" || name == "username":
		return "is unknown; user and password stand in front of the host"
	default:
		return "is unknown; go-redis' documentation of ParseURL has those that there are, such as read_timeout and pool_size"
	}
}
