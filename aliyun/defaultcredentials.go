package aliyun

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/aliyun/credentials-go/credentials"
)

// defaultCredentials makes Alibaba's chain of providers usable by many callers: it is not safe for
// concurrent use, takes no context, and after a failure sticks to the provider that failed last.
type defaultCredentials struct {
	lookups

	getenv   func(string) string
	metadata func() bool // whether this machine can have a RAM role

	// Only the lookup under way uses these.
	chain  credentials.Credential
	source string // the provider that the first credential came from
}

// DefaultCredentials returns the credentials of Alibaba's default chain: the environment, OIDC, a
// profile of the command line tool, a credentials file, the RAM role of the machine, a URI. It asks
// one question at a time, whoever waits. The source that the first credential came from stays the
// only one: a running program never changes its account.
func DefaultCredentials() Credentials {
	d := &defaultCredentials{getenv: os.Getenv, metadata: hasRole}
	d.lookups = newLookups(d.fromChain)
	return d
}

// Format implements [fmt.Formatter].
func (d *defaultCredentials) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "aliyun.DefaultCredentials()")
}

// fromChain asks the chain. The error is [ErrNoCredentials] while nothing is configured and nothing
// was ever found.
func (d *defaultCredentials) fromChain() (_ Credential, err error) {
	sources := configuredSources(d.getenv)
	defer func() {
		if recover() != nil { // the chain's reader of metadata answers trips over a missing member
			err = outOfReach(sources, "an answer that makes no sense")
		}
		if err != nil {
			d.chain = nil // it would ask the provider that failed last, and no other
		}
	}()
	if d.source == "" && len(sources) == 0 && (isTrue(d.getenv(envNoMetadata)) || !d.metadata()) {
		return Credential{}, noCredentials(d.getenv)
	}
	if d.renewing() {
		d.chain = nil
	}
	if d.chain == nil {
		if d.chain, err = credentials.NewCredential(nil); err != nil {
			return Credential{}, outOfReach(sources, reasons(err.Error())...)
		}
	}
	model, err := d.chain.GetCredential()
	if err != nil {
		return Credential{}, outOfReach(sources, reasons(err.Error())...)
	}
	found := Credential{
		AccessKeyID:     deref(model.AccessKeyId),
		AccessKeySecret: deref(model.AccessKeySecret),
		SecurityToken:   deref(model.SecurityToken),
	}.trimmed()
	provider := providerOf(deref(model.ProviderName))
	if rule := found.defect(); rule != "" {
		return Credential{}, unusableError{provider, rule}
	}
	if expected := d.expected(sources); expected != "" && provider != expected {
		return Credential{}, outOfReach(
			[]string{expected},
			"only "+provider+" answers, which may be another account",
		)
	}
	d.source = provider
	return found, nil
}

// expected is the only provider to be trusted, "" while any is. Where OIDC is configured but does
// not answer, the chain would go on to the role of the machine, and stay there.
func (d *defaultCredentials) expected(sources []string) string {
	if d.source == "" && len(sources) > 0 && sources[0] == sourceOIDC {
		return sourceOIDC
	}
	return d.source
}

// providerOf returns the chain's name of a provider: the second part of
// "default/cli_profile/static_ak".
func providerOf(name string) string {
	parts := strings.Split(name, "/")
	return parts[min(1, len(parts)-1)]
}

// outOfReach is made of words of our own: the chain's errors repeat whole files and answers,
// secrets included.
func outOfReach(sources []string, why ...string) error {
	if len(sources) == 0 {
		sources = []string{sourceECS}
	}
	text := "credentials out of reach (" + strings.Join(sources, ", ") + ")"
	if len(why) > 0 {
		text += ": " + strings.Join(slices.Compact(why), ", ")
	}
	return errors.New(text)
}

// unusableError is a credential that no request can be signed with. It is [ErrNoCredentials] where
// somebody wrote it down so, which waiting does not mend; a service that answers so may answer
// better next time.
type unusableError struct{ provider, rule string }

func (e unusableError) Error() string {
	from := ""
	if name, known := sourceNames[e.provider]; known {
		from = ", of " + name
	}
	return "the credentials found" + from + ", cannot be used: " + e.rule
}

func (e unusableError) Is(target error) bool {
	return target == ErrNoCredentials &&
		slices.Contains([]string{sourceEnv, sourceCLI, sourceProfile}, e.provider)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
