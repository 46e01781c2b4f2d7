package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

const startsWithin = 20 * time.Second

// Redis is a redis-server of our own, that appends every command to a file and syncs it every
// second.
type Redis struct {
	*Process
	Addr   string
	Client *redis.Client // not through any line

	dir string
}

// StartRedis starts an empty one and waits until it answers. One that is durable keeps an
// append-only file, and writes it to the disk every second. It takes settings of redis-server.
func StartRedis(ctx context.Context, durable bool, settings ...string) (*Redis, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench-redis-")
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	appendOnly := "no"
	if durable {
		appendOnly = "yes"
	}
	args := append([]string{
		"--bind", host, "--port", port, "--dir", dir, "--save", "",
		"--appendonly", appendOnly, "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0",
		"--maxmemory-policy", "noeviction", "--logfile", filepath.Join(dir, "redis.log"),
	}, settings...)
	process, err := Start(exec.Command("redis-server", args...), syscall.SIGKILL)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r := &Redis{
		Process: process, Addr: addr, dir: dir,
		Client: redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, ContextTimeoutEnabled: true}),
	}
	err = until(ctx, startsWithin, func(ctx context.Context) error {
		return errors.Join(process.Err(), r.Client.Ping(ctx).Err())
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("redis-server does not answer: %w", err), r.Close())
	}
	return r, nil
}

// Close ends it and removes what it wrote.
func (r *Redis) Close() error {
	err := r.Client.Close()
	r.Stop()
	return errors.Join(err, os.RemoveAll(r.dir))
}

// Commands are how many a Redis has executed.
type Commands struct {
	All     int64 // those inside scripts, too
	Scripts int64
	Reads   int64 // from connections: as many as requests, each with one command or a pipeline
	Bytes   int64 // that came and went
}

// Commands counts what was executed so far.
func (r *Redis) Commands(ctx context.Context) (Commands, error) {
	info, err := r.Client.Info(ctx, "commandstats").Result()
	if err != nil {
		return Commands{}, err
	}
	c := parseCommands(info)
	stats, err := r.Client.Info(ctx, "stats").Result()
	c.Reads = infoNumber(stats, "total_reads_processed")
	c.Bytes = infoNumber(stats, "total_net_input_bytes") + infoNumber(stats, "total_net_output_bytes")
	return c, err
}

// plus adds what others have executed.
func (c Commands) plus(more Commands) Commands {
	return Commands{
		c.All + more.All, c.Scripts + more.Scripts, c.Reads + more.Reads, c.Bytes + more.Bytes,
	}
}

// Minus takes away what was executed before.
func (c Commands) Minus(earlier Commands) Commands {
	return Commands{
		c.All - earlier.All, c.Scripts - earlier.Scripts, c.Reads - earlier.Reads,
		c.Bytes - earlier.Bytes,
	}
}

func parseCommands(info string) Commands {
	var c Commands
	for line := range strings.Lines(info) {
		name, rest, found := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		if !found {
			continue
		}
		count, _, _ := strings.Cut(rest, ",")
		calls, err := strconv.ParseInt(count, 10, 64)
		if err != nil {
			continue
		}
		c.All += calls
		switch name {
		case "eval", "evalsha", "fcall":
			c.Scripts += calls
		}
	}
	return c
}

// Memory is what the keys take, in bytes: all that is used, less what serves connections.
func (r *Redis) Memory(ctx context.Context) (int64, error) {
	info, err := r.Client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	others := infoNumber(info, "mem_clients_normal") + infoNumber(info, "mem_aof_buffer")
	return infoNumber(info, "used_memory") - others, nil
}

// infoNumber is 0 where there is none.
func infoNumber(info, name string) int64 {
	for line := range strings.Lines(info) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), name+":"); found {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}

func freeAddr() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// until repeats a step until it succeeds.
func until(ctx context.Context, within time.Duration, step func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := step(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}
