package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// probe tells by its error whether the worker of this host is as it should be: it asks /readyz
// where there is one, and otherwise looks into Redis for a heartbeat.
func (c *workerCommand) probe(ctx context.Context) error {
	if c.MetricsListen != "" {
		return probeReady(ctx, c.MetricsListen)
	}
	redisClient, err := c.client(1)
	if err != nil {
		return err
	}
	defer func() { _ = redisClient.Close() }()
	return probeHeartbeat(asynq.NewInspectorFromRedisClient(redisClient))
}

// probeReady asks a worker on this host.
func probeReady(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(withPort(address, metricsPort))
	if err != nil {
		return usage("--metrics-listen must be an address, such as 127.0.0.1:" + metricsPort)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost" // it listens on every address
	}
	const answers = 2 // so long as the checks take, and as much again
	ctx, cancel := context.WithTimeout(ctx, answers*checkTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(
		ctx,
		http.MethodGet,
		"http://"+net.JoinHostPort(host, port)+"/readyz",
		http.NoBody,
	)
	if err != nil {
		return usage(err.Error())
	}
	response, err := (&http.Client{Transport: &http.Transport{}}).Do(request) // no proxy
	if err != nil {
		return statusError{statusFailed, fmt.Sprintf("no worker answers on this host: %v", err)}
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	var answer readiness
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return statusError{statusFailed, "not ready: " + response.Status}
	}
	return statusError{statusFailed, "not ready: " + answer.failing()}
}

// probeHeartbeat looks for a heartbeat of this host.
func probeHeartbeat(inspector *asynq.Inspector) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find this host's name: %w", err)
	}
	servers, err := inspector.Servers()
	if err != nil {
		return tasks.RedisError(err)
	}
	for _, server := range servers {
		if server.Host == host && server.Status == "active" {
			return nil
		}
	}
	return statusError{statusFailed, "no worker is alive on this host"}
}
