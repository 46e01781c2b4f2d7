package aliyun

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aliyun/credentials-go/credentials/providers"
)

// profileCredentials are one profile of Alibaba's credentials file.
type profileCredentials struct {
	lookups

	name string

	// Only the lookup under way uses these.
	provider *providers.ProfileCredentialsProvider
	written  time.Time // when the file was that the provider has read
}

// ProfileCredentials returns the credentials of a profile in Alibaba's credentials file
// (ALIBABA_CLOUD_CREDENTIALS_FILE, or ~/.alibabacloud/credentials): a section of that name, of type
// access_key, ram_role_arn or ecs_ram_role. The file is read again when it has changed. The error
// of Get is [ErrNoCredentials] where the profile is not there or not complete.
func ProfileCredentials(name string) Credentials {
	p := &profileCredentials{name: name}
	p.lookups = newLookups(p.fromFile)
	return p
}

// Format implements [fmt.Formatter].
func (p *profileCredentials) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "aliyun.ProfileCredentials("+p.name+")")
}

func (p *profileCredentials) fromFile() (_ Credential, err error) {
	defer func() {
		if recover() != nil { // as the default chain's reader, it trips over answers of another shape
			err = p.outOfReach("an answer that makes no sense")
		}
	}()
	if p.name == "" { // the provider would take another one
		return Credential{}, noProfileError{p.name, "a profile has a name"}
	}
	path := credentialsFile()
	file, err := os.Stat(path)
	if err != nil {
		return Credential{}, noProfileError{p.name, "the file " + path + " cannot be read"}
	}
	if p.renewing() || p.provider == nil || !file.ModTime().Equal(p.written) {
		if p.provider, err = providers.NewProfileCredentialsProviderBuilder().
			WithProfileName(p.name).
			Build(); err != nil {
			return Credential{}, p.outOfReach(reasons(err.Error())...)
		}
		p.written = file.ModTime()
	}
	model, err := p.provider.GetCredentials()
	if err != nil {
		p.provider = nil
		if lacks := profileDefect(err.Error()); lacks != "" {
			return Credential{}, noProfileError{p.name, "in " + path + " " + lacks}
		}
		return Credential{}, p.outOfReach(reasons(err.Error())...)
	}
	found := Credential{
		AccessKeyID:     model.AccessKeyId,
		AccessKeySecret: model.AccessKeySecret,
		SecurityToken:   model.SecurityToken,
	}.trimmed()
	if rule := found.defect(); rule != "" {
		return Credential{}, noProfileError{p.name, "in " + path + " " + rule}
	}
	return found, nil
}

func (p *profileCredentials) outOfReach(why ...string) error {
	return fmt.Errorf("profile %s: %w", p.name, outOfReach([]string{sourceProfile}, why...))
}

// credentialsFile is where the provider looks for it.
func credentialsFile() string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "~"
	}
	return cmp.Or(os.Getenv(envCredentialsFile), filepath.Join(home, ".alibabacloud", "credentials"))
}

// profileDefects are the provider's words for what is wrong with a file, and ours.
var profileDefects = []struct{ theirs, ours string }{
	{"ERROR: Can not open file", "nothing can be read: it is no file of sections"},
	{"ERROR: Can not load section", "there is no section of that name"},
	{"ERROR: Can not find credential type", "its section has no type"},
	{"ERROR: Failed to get value", "its section lacks what its type needs"},
	{"ERROR: Value can't be empty", "its section lacks what its type needs"},
	{
		"ERROR: Failed to get credential",
		"the type of its section is none of access_key, ram_role_arn, ecs_ram_role",
	},
}

// profileDefect is "" for what may pass.
func profileDefect(text string) string {
	for _, d := range profileDefects {
		if strings.HasPrefix(text, d.theirs) {
			return d.ours
		}
	}
	return ""
}

// noProfileError is [ErrNoCredentials] of a profile.
type noProfileError struct{ name, why string }

func (e noProfileError) Error() string {
	return fmt.Sprintf(
		"no credentials for the profile %s: %s; write a section [%s] with type = access_key, access_key_id and access_key_secret "+
			"into Alibaba Cloud's credentials file, ~/.alibabacloud/credentials or the one that %s names",
		e.name,
		e.why,
		e.name,
		envCredentialsFile,
	)
}

func (noProfileError) Is(target error) bool { return errors.Is(target, ErrNoCredentials) }
