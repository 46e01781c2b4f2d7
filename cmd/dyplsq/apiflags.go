package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
)

// apiFlags say how the API is reached. Credentials come from Alibaba's own chain, never from a flag.
type apiFlags struct {
	Endpoint    string        `env:"DYPLSQ_ENDPOINT" help:"Of the API; plain http:// only to a loopback address (${default})." default:"https://dyplsapi.aliyuncs.com" placeholder:"URL"`
	Insecure    bool          `env:"DYPLSQ_INSECURE" help:"Let numbers and signatures travel over plain http:// to another machine."`
	HTTPTimeout time.Duration `env:"DYPLSQ_HTTP_TIMEOUT" help:"Of one call (${default})." default:"10s" name:"http-timeout" placeholder:"DURATION"`
}

func (f apiFlags) client(concurrency int) (*aliyun.Client, error) {
	if printsSecrets(os.Getenv("DEBUG")) {
		return nil, usage("DEBUG makes Alibaba's libraries print credentials and requests: unset it")
	}
	if f.HTTPTimeout <= 0 {
		return nil, usage("--http-timeout must be positive: leave it out for the default")
	}
	client, err := aliyun.New(aliyun.Config{
		Endpoint: f.Endpoint, Insecure: f.Insecure, Timeout: f.HTTPTimeout, MaxConns: concurrency,
	})
	if err != nil {
		return nil, usage(err.Error())
	}
	return client, nil
}

// printsSecrets tells whether the variable DEBUG makes one of Alibaba's libraries print what it sends and receives.
func printsSecrets(debug string) bool {
	return slices.ContainsFunc(strings.Split(debug, ","), func(name string) bool {
		return slices.Contains([]string{"credential", "dara", "tea"}, name)
	})
}

// awaitCredentials returns once there are credentials. That there is no source of them at all is an error;
// one that is out of reach is tried again.
func awaitCredentials(ctx context.Context, client *aliyun.Client, log zerolog.Logger) error {
	const every = 5 * time.Second
	for {
		err := client.CheckCredentials(ctx)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, aliyun.ErrNoCredentials):
			return usage(err.Error())
		case ctx.Err() != nil:
			return nil //nolint:nilerr // told to end while waiting: no failure
		}
		log.Warn().Err(err).Msg("credentials are out of reach: trying again")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}
