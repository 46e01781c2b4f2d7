package aliyun

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func TestNew_endpoint(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config Config
		want   string // a part of the problem
	}{
		"default":                     {Config{}, ""},
		"https":                       {Config{Endpoint: "https://dyplsapi.aliyuncs.com"}, ""},
		"slash at the end":            {Config{Endpoint: "https://dyplsapi.aliyuncs.com/"}, ""},
		"port":                        {Config{Endpoint: "https://dyplsapi-proxy.example:8443"}, ""},
		"loopback":                    {Config{Endpoint: "http://127.0.0.1:8080"}, ""},
		"another loopback":            {Config{Endpoint: "http://127.9.9.9"}, ""},
		"loopback of IPv6":            {Config{Endpoint: "http://[::1]:8080"}, ""},
		"localhost":                   {Config{Endpoint: "http://LocalHost:8080"}, ""},
		"plain":                       {Config{Endpoint: "http://dyplsapi.aliyuncs.com"}, "must be https://"},
		"plain, private":              {Config{Endpoint: "http://10.0.0.1"}, "must be https://"},
		"plain, looks like loopback":  {Config{Endpoint: "http://127.0.0.1.example.com"}, "must be https://"},
		"plain, looks like localhost": {Config{Endpoint: "http://localhost.example.com"}, "must be https://"},
		"plain, any address":          {Config{Endpoint: "http://0.0.0.0:80"}, "must be https://"},
		"plain, insecure":             {Config{Endpoint: "http://10.0.0.1", Insecure: true}, ""},
		"no scheme":                   {Config{Endpoint: "dyplsapi.aliyuncs.com"}, "must begin with https://"},
		"another scheme":              {Config{Endpoint: "ftp://dyplsapi.aliyuncs.com"}, "must begin with https://"},
		"user":                        {Config{Endpoint: "https://me:hunter2@dyplsapi.aliyuncs.com"}, "user or password"},
		"user, loopback in disguise":  {Config{Endpoint: "http://127.0.0.1:hunter2@evil.example"}, "user or password"},
		"path":                        {Config{Endpoint: "https://dyplsapi.aliyuncs.com/hunter2"}, "must end after the host"},
		"query":                       {Config{Endpoint: "https://dyplsapi.aliyuncs.com?hunter2"}, "must end after the host"},
		"question mark":               {Config{Endpoint: "https://dyplsapi.aliyuncs.com?"}, "must end after the host"},
		"fragment":                    {Config{Endpoint: "https://dyplsapi.aliyuncs.com#hunter2"}, "must end after the host"},
		"no host":                     {Config{Endpoint: "https:///"}, "must name a host"},
		"no host, port":               {Config{Endpoint: "https://:443"}, "must name a host"},
		"empty port":                  {Config{Endpoint: "https://dyplsapi.aliyuncs.com:"}, "must name a host"},
		"zone":                        {Config{Endpoint: "https://[fe80::1%25eth0]"}, "must name a host"},
		"beyond ASCII":                {Config{Endpoint: "https://号码.example"}, "must name a host"},
		"not a URL":                   {Config{Endpoint: "https://hunter2:port"}, "must be a URL"},
		"blanks and line breaks":      {Config{Endpoint: " \thttps://dyplsapi.aliyuncs.com\r\n"}, ""},
		"nothing else":                {Config{Endpoint: " \n"}, ""},
		"blank within":                {Config{Endpoint: "https://hunter2 .example"}, "must be a URL"},
		"quotation marks":             {Config{Endpoint: `"https://hunter2"`}, "must be a URL"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := New(test.config)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				_ = client.Close()
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "Endpoint ") {
				t.Errorf("the error is %v, want one of Endpoint that says %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats the endpoint: %v", err)
			}
		})
	}
}

func TestNew_everyProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		Endpoint: "dyplsapi.aliyuncs.com", Timeout: -time.Second, MaxConns: -1,
		Credentials: StaticCredentials("LTAI", "hunter2\n", ""),
	})
	e, ok := errors.AsType[*dypls.ValidationError](err)
	if !ok {
		t.Fatalf("the error is %T", err)
	}
	var fields []string
	for _, p := range e.Problems {
		fields = append(fields, p.Field)
		if p.Rule == "" || p.Remedy == "" {
			t.Errorf("%s has rule %q and remedy %q", p.Field, p.Rule, p.Remedy)
		}
	}
	if diff := cmp.Diff([]string{"Endpoint", "Timeout", "MaxConns", "Credentials"}, fields); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error repeats the secret: %v", err)
	}
}
