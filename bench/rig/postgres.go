package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// ErrNoPostgres is that PostgreSQL is not installed.
var ErrNoPostgres = errors.New("PostgreSQL is not installed: apt-get install postgresql")

const (
	postgresUser   = "postgres"
	maxConnections = 300
)

// Postgres is a PostgreSQL server of our own. Like the Redis beside it, it may lose the last
// moments of commits in a crash.
type Postgres struct {
	*Process
	Addr string

	dir string
}

// StartPostgres makes a new one and waits until it answers. As root, it runs it as the user
// postgres, for it refuses root.
func StartPostgres(ctx context.Context) (*Postgres, error) {
	initdb, server, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	as, err := postgresAccount()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench-postgres-")
	if err != nil {
		return nil, err
	}
	p, err := startPostgres(ctx, dir, initdb, server, as)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, nil
}

func startPostgres(
	ctx context.Context, dir, initdb, server string, as *syscall.Credential,
) (*Postgres, error) {
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	program := func(name string, args ...string) *exec.Cmd {
		// its end is a signal of its own
		cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
		cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
		return cmd
	}
	out, err := program(
		initdb, "-D", data, "-U", postgresUser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
	).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	process, err := Start(program(server, "-D", data, "-h", host, "-p", port, "-k", dir,
		"-c", "synchronous_commit=off", "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB",
		"-c", "max_connections="+strconv.Itoa(maxConnections)), syscall.SIGQUIT)
	if err != nil {
		return nil, err
	}
	p := &Postgres{Process: process, Addr: addr, dir: dir}
	err = until(ctx, startsWithin, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, URL(addr))
		if err != nil {
			return errors.Join(process.Err(), err)
		}
		return conn.Close(ctx)
	})
	if err != nil {
		p.Stop()
		return nil, fmt.Errorf("postgres does not answer: %w", err)
	}
	return p, nil
}

// URL is how a PostgreSQL of ours is reached at an address, its own or that of a line to it.
func URL(addr string) string {
	u := url.URL{Scheme: "postgres", User: url.User(postgresUser), Host: addr, Path: "/postgres", RawQuery: "sslmode=disable"}
	return u.String()
}

// Close ends it and removes what it wrote.
func (p *Postgres) Close() error {
	p.Stop()
	return os.RemoveAll(p.dir)
}

// postgresPrograms finds initdb and postgres: on the PATH, or where Debian has them.
func postgresPrograms() (initdb, server string, err error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is good
	slices.Sort(dirs)
	slices.Reverse(dirs)
	for _, dir := range append([]string{""}, dirs...) {
		initdb, errInit := exec.LookPath(filepath.Join(dir, "initdb"))
		server, errServer := exec.LookPath(filepath.Join(dir, "postgres"))
		if errInit == nil && errServer == nil {
			return initdb, server, nil
		}
	}
	return "", "", ErrNoPostgres
}

// postgresAccount is nil where we are not root.
func postgresAccount() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // nil is a credential: our own
	}
	account, err := user.Lookup(postgresUser)
	if err != nil {
		return nil, fmt.Errorf("postgres does not run as root, and there is no user %s: %w", postgresUser, err)
	}
	uid, errUID := strconv.ParseUint(account.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(account.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(errUID, errGID)
}
