package aliyun

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeProfiles writes a credentials file.
func writeProfiles(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProfileCredentials(t *testing.T) {
	barren(t)
	t.Setenv(envID, "of the environment") // which a profile never takes
	t.Setenv(envSecret, "of the environment")
	path := writeProfiles(t, "[default]\ntype = access_key\naccess_key_id = own\naccess_key_secret = "+markedSecret+
		"\n[shop]\ntype = access_key\naccess_key_id = shopID\naccess_key_secret = "+markedSecret+"\n")
	t.Setenv(envCredentialsFile, path)
	shop := ProfileCredentials("shop")
	if got, err := shop.Get(t.Context()); err != nil || got.AccessKeyID != "shopID" || got.AccessKeySecret != markedSecret {
		t.Errorf("%v, %v", got, err)
	}
	client := newClient(t, DefaultEndpoint, func(c *Config) { c.Credentials = shop })
	if source, err := client.CredentialSource(t.Context()); err != nil || source != "the profile shop of a credentials file" {
		t.Errorf("%s, %v", source, err)
	}
	if err := os.WriteFile(path, []byte("[shop]\ntype = access_key\naccess_key_id = rotated\naccess_key_secret = "+markedSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	p, _ := shop.(*profileCredentials)
	if got, err := p.fromFile(); err != nil || got.AccessKeyID != "rotated" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestNoProfile(t *testing.T) {
	barren(t)
	missing := ProfileCredentials("shop")
	if _, err := missing.Get(t.Context()); !errors.Is(err, ErrNoCredentials) || !strings.Contains(err.Error(), "profile shop") {
		t.Errorf("%v", err)
	}
	path := writeProfiles(t, "[other]\ntype = access_key\naccess_key_id = "+markedSecret+"\naccess_key_secret = "+markedSecret+
		"\n[typeless]\naccess_key_id = a\n[half]\ntype = access_key\naccess_key_id = "+markedSecret+
		"\n[empty]\ntype = access_key\naccess_key_id =\naccess_key_secret =\n[strange]\ntype = password\n[blank]\ntype = access_key\n"+
		"access_key_id = "+markedSecret+" x\naccess_key_secret = "+markedSecret+"\n")
	t.Setenv(envCredentialsFile, path)
	for name, want := range map[string]string{
		"shop": "no section of that name", "typeless": "no type", "half": "lacks", "empty": "lacks", "strange": "none of access_key", "blank": "holds a blank", "": "has a name",
	} {
		_, err := ProfileCredentials(name).Get(t.Context())
		switch {
		case !errors.Is(err, ErrNoCredentials), !strings.Contains(err.Error(), want), name != "" && !strings.Contains(err.Error(), path):
			t.Errorf("%s: %v", name, err)
		case strings.Contains(err.Error(), markedSecret):
			t.Errorf("%s: the error repeats the file", name)
		}
	}
}

// A source that does not answer is no missing profile: it may answer the next time.
func TestProfileOutOfReach(t *testing.T) {
	barren(t)
	// whose metadata service barren turns off
	t.Setenv(envCredentialsFile, writeProfiles(t, "[shop]\ntype = ecs_ram_role\nrole_name = dyplsq\n"))
	_, err := ProfileCredentials("shop").Get(t.Context())
	if err == nil || errors.Is(err, ErrNoCredentials) || !strings.Contains(err.Error(), "profile shop") {
		t.Errorf("%v", err)
	}
}
