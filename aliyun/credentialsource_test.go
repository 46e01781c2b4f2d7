package aliyun

import (
	"strings"
	"testing"
)

func TestCredentialSource(t *testing.T) {
	barren(t)
	client := newClient(t, DefaultEndpoint, func(c *Config) { c.Credentials = nil })
	if source, err := client.CredentialSource(t.Context()); err == nil {
		t.Errorf("without credentials: %s", source)
	}
	t.Setenv(envID, "id")
	t.Setenv(envSecret, markedSecret)
	source, err := client.CredentialSource(t.Context())
	if err != nil || source != "the environment" {
		t.Errorf("%q, error %v", source, err)
	}
	if static, err := newClient(t, DefaultEndpoint, func(*Config) {}).CredentialSource(t.Context()); err != nil || strings.Contains(static, "id") {
		t.Errorf("%q, error %v", static, err)
	}
}
