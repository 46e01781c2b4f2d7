package aliyun

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The environment variables of Alibaba's chain.
const (
	envID              = "ALIBABA_CLOUD_ACCESS_KEY_ID"
	envSecret          = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
	envToken           = "ALIBABA_CLOUD_SECURITY_TOKEN"
	envRoleARN         = "ALIBABA_CLOUD_ROLE_ARN"
	envOIDCProvider    = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"
	envOIDCTokenFile   = "ALIBABA_CLOUD_OIDC_TOKEN_FILE"
	envOIDCToken       = "ALIBABA_CLOUD_OIDC_TOKEN"
	envCLIFile         = "ALIBABA_CLOUD_CONFIG_FILE"
	envNoCLI           = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED"
	envCredentialsFile = "ALIBABA_CLOUD_CREDENTIALS_FILE"
	envMetadata        = "ALIBABA_CLOUD_ECS_METADATA"
	envNoMetadata      = "ALIBABA_CLOUD_ECS_METADATA_DISABLED"
	envURI             = "ALIBABA_CLOUD_CREDENTIALS_URI"
)

// The chain's names of its providers.
const (
	sourceEnv     = "env"
	sourceOIDC    = "oidc_role_arn"
	sourceCLI     = "cli_profile"
	sourceProfile = "profile"
	sourceECS     = "ecs_ram_role"
	sourceURI     = "credential_uri"
)

// configuredSources returns the providers that somebody has set up, in the chain's order. A file
// that exists counts, whatever is in it: it was put there on purpose, and may be about to be
// written.
func configuredSources(getenv func(string) string) []string {
	set := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return getenv(name) == "" })
	}
	file := func(variable string, inHome ...string) bool {
		if set(variable) {
			return true
		}
		home, err := os.UserHomeDir()
		if err != nil {
			return false
		}
		_, err = os.Stat(filepath.Join(append([]string{home}, inHome...)...))
		return err == nil
	}
	var sources []string
	add := func(source string, configured bool) {
		if configured {
			sources = append(sources, source)
		}
	}
	add(sourceEnv, set(envID, envSecret))
	add(sourceOIDC, set(envRoleARN, envOIDCProvider) && (set(envOIDCTokenFile) || set(envOIDCToken)))
	add(sourceCLI, !isTrue(getenv(envNoCLI)) && file(envCLIFile, ".aliyun", "config.json"))
	add(sourceProfile, file(envCredentialsFile, ".alibabacloud", "credentials"))
	add(sourceECS, set(envMetadata) && !isTrue(getenv(envNoMetadata)))
	add(sourceURI, set(envURI))
	return sources
}

func isTrue(s string) bool { return strings.EqualFold(s, "true") }

// halfConfiguredError is [ErrNoCredentials] with the one thing that is missing.
type halfConfiguredError struct{ present, missing string }

func (h halfConfiguredError) Error() string {
	return "no Alibaba Cloud credentials: " + h.present + " is set, but " + h.missing + " is not"
}

func (halfConfiguredError) Is(target error) bool { return target == ErrNoCredentials }

func noCredentials(getenv func(string) string) error {
	id, secret := getenv(envID) != "", getenv(envSecret) != ""
	switch {
	case id && !secret:
		return halfConfiguredError{present: envID, missing: envSecret}
	case secret && !id:
		return halfConfiguredError{present: envSecret, missing: envID}
	}
	return ErrNoCredentials
}

const (
	metadataURL     = "http://100.100.100.200/latest/meta-data/ram/security-credentials/"
	metadataTimeout = time.Second
)

var roleName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}\s*$`)

// hasRole asks the metadata service of Alibaba's machines, once and for a second at most. The chain
// takes two seconds or more to find out that there is none, and does not tell it from one that is
// out of order.
func hasRole() bool { return roleAt(context.Background(), metadataURL) }

func roleAt(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, metadataTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
	} // and no proxy: the address means this machine
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusUnauthorized,
		resp.StatusCode == http.StatusForbidden: // wants a token first
		return true
	case resp.StatusCode >= http.StatusInternalServerError:
		return true
	case resp.StatusCode != http.StatusOK: // 404: no role is attached to this machine
		return false
	}
	const longest = 128
	body, err := io.ReadAll(io.LimitReader(resp.Body, longest))
	return err == nil && roleName.Match(body)
}

// reason matches what of the chain's words may be shown: none of it can be a part of a secret.
var reason = regexp.MustCompile(
	`connection refused|connection reset by peer|no such host|i/o timeout|deadline exceeded|Client\.Timeout exceeded|` +
		`network is unreachable|no route to host|permission denied|no such file or directory|unmarshal|unable to get profile|no any configured profiles|` +
		`Can not load section|httpStatus: \d{3}|status code:? \d{3}|certificate`,
)

// reasons returns why the chain failed, in words that are safe.
func reasons(text string) []string {
	found := reason.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}
