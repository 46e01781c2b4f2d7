package main

import (
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/bench/handrolled"
)

// workerCommand is the argument with which this program is a worker.
const workerCommand = "worker"

// The environment of a worker.
const (
	redisEnv    = "CHAOS_REDIS"
	endpointEnv = "CHAOS_ENDPOINT"
	keyIDEnv    = "ALIBABA_CLOUD_ACCESS_KEY_ID"
	secretEnv   = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
)

func workerEnv(redisAddr string, sim *dyplstest.Server) []string {
	return []string{
		redisEnv + "=" + redisAddr, endpointEnv + "=" + strings.TrimPrefix(sim.URL(), "http://"),
		keyIDEnv + "=" + sim.AccessKeyID, secretEnv + "=" + sim.AccessKeySecret,
	}
}

// work is the worker's process. It ends with the one that started it, however that ends: then its
// standard input does.
func work() error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	api, err := handrolled.NewAPI(handrolled.APIConfig{
		Endpoint: os.Getenv(endpointEnv), Protocol: "HTTP", AccessKeyID: os.Getenv(keyIDEnv),
		AccessKeySecret: os.Getenv(secretEnv),
	})
	if err != nil {
		return err
	}
	return handrolled.NewWorker(os.Getenv(redisEnv), api, handrolled.Concurrency).Run()
}

// process is a worker's process, seen from outside.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer // ours: open as long as we live
}

func startWorker(env []string, verbose bool) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, workerCommand)
	cmd.Env = env
	if verbose {
		cmd.Stderr = os.Stderr
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd, stdin}, nil
}

// kill ends it as a crash would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.stdin.Close()
}
