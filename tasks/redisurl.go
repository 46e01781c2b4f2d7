package tasks

import (
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
)

const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

const (
	redisURLForm    = "redis://[user:password@]host:port/db"
	sentinelURLForm = "redis-sentinel://[user:password@]host:port,host:port/db?master=NAME"
)

// parseRedisURL takes a URL apart itself: by the rules for URLs a password with a / ends where its
// host begins, and the host would be looked up, and told, that way.
func parseRedisURL(rawURL string) (redisSite, error) {
	text := strings.TrimSpace(rawURL) // as secrets and files of settings leave it
	scheme, rest, _ := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	switch scheme {
	case "redis", "rediss", "redis-sentinel", "rediss-sentinel":
	default:
		if strings.ContainsAny(text[:min(len(text), 1)], "\"'`") {
			return redisSite{}, errors.New("the Redis URL is in quotation marks: remove them")
		}
		return redisSite{}, errors.New(
			"the Redis URL must start with redis://, rediss://, redis-sentinel:// or rediss-sentinel://, as in redis://localhost:6379/0",
		)
	}
	server, many := strings.CutSuffix(scheme, "-sentinel")
	form := redisURLForm
	if many {
		form = sentinelURLForm
	}
	parts, err := splitRedisURL(rest)
	if err != nil {
		return redisSite{}, malformed(err.Error(), form)
	}
	if many {
		return parts.sentinels(server)
	}
	return parts.server(server)
}

func malformed(what, form string) error {
	return errors.New("the Redis URL is malformed: " + what + ": write " + form)
}

// urlParts are the parts of a URL behind its scheme.
type urlParts struct {
	user     *url.Userinfo
	hosts    string
	database string
	query    string
	muddled  bool // the hosts are none: what follows them may be of a password
}

// splitRedisURL refuses what could be read in more than one way. Its errors repeat nothing: any
// piece may be of the password.
func splitRedisURL(rest string) (urlParts, error) {
	if strings.ContainsFunc(
		rest,
		func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xa0 || r == 0x3000 },
	) {
		return urlParts{}, errors.New(
			"there is a blank or a control character in it; remove it, or percent-encode it (a blank is %20)",
		)
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	// A # begins nothing that a Redis has, and an @ behind the host is the one that ends a password.
	if strings.ContainsAny(tail, "#@") {
		return urlParts{}, errors.New(
			"a special character stands where it means something else; " + refusal.Encode,
		)
	}
	at := strings.LastIndex(authority, "@")
	user, err := parseUser(authority, at)
	if err != nil {
		return urlParts{}, err
	}
	path, query, _ := strings.Cut(tail, "?")
	return urlParts{
		user:     user,
		hosts:    authority[at+1:],
		database: strings.Trim(path, "/"),
		query:    query,
	}, nil
}

func parseUser(authority string, at int) (*url.Userinfo, error) {
	if at < 0 {
		return nil, nil //nolint:nilnil // no user, no error
	}
	name, secret, both := strings.Cut(authority[:at], ":")
	user, err := url.PathUnescape(name)
	password, wrong := url.PathUnescape(secret)
	switch {
	case err != nil || wrong != nil:
		return nil, errors.New(
			"a % in user or password is followed by no two hexadecimal digits; " + refusal.Encode,
		)
	case both:
		return url.UserPassword(user, password), nil
	default:
		return url.User(user), nil
	}
}

// server is the one server of a URL.
func (p urlParts) server(scheme string) (redisSite, error) {
	addr, wrong := parseAddr(p.hosts, redisPort)
	if wrong != "" {
		return redisSite{}, malformed("its host and port are "+wrong, redisURLForm)
	}
	options, problems := p.options(scheme, addr, redisURLForm, nil)
	return redisSite{options: options}, errors.Join(problems...)
}

// sentinels are the Sentinels of a URL, with parameters of their own.
func (p urlParts) sentinels(scheme string) (redisSite, error) {
	var problems []error
	sentinels, err := parseAddrs(p.hosts, sentinelPort)
	if err != nil {
		problems = append(
			problems,
			errors.New("the Redis URL must name its Sentinels as "+sentinelURLForm+": "+err.Error()),
		)
	}
	p.muddled = err != nil
	own := url.Values{"master": nil, "sentinel_username": nil, "sentinel_password": nil}
	options, wrong := p.options(scheme, "sentinel:1", sentinelURLForm, own)
	site := redisSite{
		options:   options,
		sentinels: sentinels,
		master:    own.Get("master"),
		user:      own.Get("sentinel_username"),
		password:  own.Get("sentinel_password"),
	}
	if site.master == "" {
		problems = append(problems, errors.New(
			"the Redis URL's scheme redis-sentinel needs the master's name: add ?master=NAME, as the Sentinels' configuration calls it",
		))
	}
	if site.user != "" && site.password == "" {
		problems = append(
			problems,
			errors.New(
				"the Redis URL's sentinel_username needs sentinel_password: add it, or leave both out",
			),
		)
	}
	problems = append(problems, wrong...)
	if options != nil && options.TLSConfig != nil {
		options.TLSConfig.ServerName = "" // each has its own
	}
	return site, errors.Join(problems...)
}

// options has go-redis read what it knows, once that is known to be whole, and fills in the
// parameters that are this package's own.
func (p urlParts) options(scheme, addr, form string, own url.Values) (*redis.Options, []error) {
	var problems []error
	if strings.ContainsFunc(p.database, func(r rune) bool { return r < '0' || r > '9' }) ||
		len(p.database) > 9 {
		problems = append(problems, malformed("its database, behind the slash, is not a number", form))
	}
	parameters, wrong := parseParameters(scheme, p.query, own, p.muddled)
	for _, what := range wrong {
		problems = append(problems, malformed(what, form))
	}
	if problems != nil {
		return nil, problems
	}
	rest := url.URL{
		Scheme:   scheme,
		Host:     "localhost",
		Path:     "/" + p.database,
		RawQuery: parameters.Encode(),
	}
	options, err := redis.ParseURL(rest.String())
	if err != nil {
		return nil, []error{malformed("it cannot be read", form)}
	}
	options.Addr = addr
	if options.TLSConfig != nil {
		options.TLSConfig.ServerName, _, _ = net.SplitHostPort(addr)
	}
	options.Username = p.user.Username()
	options.Password, _ = p.user.Password()
	options.MaxRetries = -1
	options.ContextTimeoutEnabled = true
	return options, nil
}
