package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/httpapi"
)

type tokenCommand struct {
	New tokenNew `cmd:"" help:"Make a token of the HTTP API, and print it once; nothing keeps it but its hash."`
}

type tokenNew struct {
	Name   string   `arg:"" help:"Who will use it; logs name it."`
	Scope  []string `help:"What it may do: enqueue, read, operate, numbers; several with commas." placeholder:"SCOPES" required:""`
	Tokens string   `env:"DYPLSQ_TOKENS" help:"File to which its line is added; without one the line is printed on stderr." placeholder:"FILE"`
}

// Run makes a token, and prints it when its line is kept.
func (c *tokenNew) Run(s streams) error {
	scopes, err := httpapi.ParseScopes(strings.Join(c.Scope, ","))
	if err != nil {
		return usage("--scope: " + err.Error())
	}
	token, secret, err := httpapi.NewToken(c.Name, scopes, time.Now())
	if err != nil {
		return usage(err.Error())
	}
	if c.Tokens == "" {
		_, _ = fmt.Fprintf(s.err, "dyplsq: add this line to the file of tokens:\n%s\n", token.Line())
	} else if err := addToken(c.Tokens, token); err != nil {
		return usage("--tokens: " + err.Error())
	}
	_, err = fmt.Fprintln(s.out, secret)
	return err
}

// addToken adds a token's line to a file.
func addToken(path string, token httpapi.Token) error {
	return changeFile(path, func(text []byte) (string, error) {
		if _, err := httpapi.ParseTokens(string(text)); err != nil {
			return "", broken(err)
		}
		before := string(text)
		if before != "" && !strings.HasSuffix(before, "\n") {
			before += "\n"
		}
		return before + token.Line() + "\n", nil
	})
}

// broken is the error of a file that cannot be read as it should.
func broken(err error) error { return fmt.Errorf("it is broken, and is left as it is: %w", err) }

// changeFile changes a file, which is there as it was or as it is to be, never a part of it. Of
// several who do so at once each changes what the others have written. A file that is not there is
// an empty one.
func changeFile(path string, change func(text []byte) (string, error)) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("its folder cannot be opened: %w", err)
	}
	defer func() { _ = folder.Close() }() // and with it the lock
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("its folder cannot be locked: %w", err)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	changed, err := change(text)
	if err != nil {
		return err
	}
	return replaceFile(path, changed)
}

// replaceFile puts a text in the place of a file, readable by its owner alone, who stays the same
// where that may be.
func replaceFile(path, text string) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return fmt.Errorf("it cannot be written: %w", err)
	}
	if info, err := os.Stat(path); err == nil {
		if owner, is := info.Sys().(*syscall.Stat_t); is {
			_ = temporary.Chown(int(owner.Uid), int(owner.Gid))
		}
	}
	_, err = temporary.WriteString(text)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
		return fmt.Errorf("it cannot be written: %w", err)
	}
	return nil
}
