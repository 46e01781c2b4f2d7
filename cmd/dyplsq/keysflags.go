package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// keysFlags say which keys seal what stands in Redis. Without them nothing is sealed.
type keysFlags struct {
	KeysFile    string `env:"DYPLSQ_KEYS_FILE" help:"File of the keys that seal numbers in Redis, which dyplsq keys new writes; changes in it hold within 2 s." placeholder:"FILE"`
	KeysCommand string `env:"DYPLSQ_KEYS_COMMAND" help:"In place of a file: a command of sh that prints the keys, such as a KMS' client; run again on SIGHUP, and when a key is missing." placeholder:"COMMAND"`

	opened *openedKeys // one for all copies of the flags
}

// openedKeys are the keys of a command.
type openedKeys struct {
	ctx  context.Context //nolint:containedctx // of the command, which kong hands over once
	once sync.Once
	keys *seal.Keys
	err  error
}

// AfterApply is kong's hook, before a command copies its flags.
//
//nolint:unparam // as kong wants it
func (f *keysFlags) AfterApply(ctx context.Context) error {
	f.opened = &openedKeys{ctx: ctx}
	return nil
}

// errNotApplied is an error of who programs a command: without the keys it would write in clear.
var errNotApplied = errors.New("the keys that the flags name were not opened: " +
	"kong did not call keysFlags.AfterApply of this command")

// keys reads the keys, once; nil where there are none.
func (f keysFlags) keys() (*seal.Keys, error) {
	switch {
	case f.opened == nil && f.KeysFile+f.KeysCommand != "":
		return nil, errNotApplied
	case f.opened == nil:
		return nil, nil //nolint:nilnil // of a command that kong did not read: no keys, no error
	}
	f.opened.once.Do(func() { f.opened.keys, f.opened.err = f.readKeys(f.opened.ctx) })
	return f.opened.keys, f.opened.err
}

// sealing are the keys after [keysFlags.keys] had no error.
func (f keysFlags) sealing() *seal.Keys {
	keys, err := f.keys()
	if err != nil {
		panic(err) // whoever opens Redis has looked
	}
	return keys
}

func (f keysFlags) readKeys(ctx context.Context) (*seal.Keys, error) {
	switch {
	case f.KeysFile != "" && f.KeysCommand != "":
		return nil, usage("--keys-file (DYPLSQ_KEYS_FILE) and --keys-command (DYPLSQ_KEYS_COMMAND) exclude one another: leave one out")
	case f.KeysFile != "":
		keys, err := seal.FromFile(ctx, f.KeysFile)
		if err != nil {
			return nil, usage("--keys-file: " + err.Error())
		}
		return keys, nil
	case f.KeysCommand != "":
		keys, err := seal.FromCommand(ctx, f.KeysCommand)
		if err != nil { // a KMS may be out of reach: who starts this again may have more luck
			return nil, errors.Join(errors.New("--keys-command failed"), err)
		}
		return keys, nil
	}
	return nil, nil //nolint:nilnil // no keys, no error
}

// watchKeys has changed keys hold, until ctx is done: those of a file once it has changed, and all
// on SIGHUP. Keys that are broken leave those of before.
func (f keysFlags) watchKeys(ctx context.Context, log zerolog.Logger) {
	const every = 2 * time.Second
	keys, err := f.keys()
	if err != nil || keys == nil {
		return
	}
	log.Info().Str("active", keys.Active()).Strs("keys", keys.IDs()).Msg("keys read")
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for read := sumOf(f.KeysFile); ; {
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			asked = true
		case <-tick.C:
		}
		now := sumOf(f.KeysFile)
		if bytes.Equal(now, read) && !asked {
			continue
		}
		read = now
		if err := keys.Reload(ctx); err != nil {
			log.Error().Err(err).Msg("keys broken; those of before stay")
			continue
		}
		log.Info().Str("active", keys.Active()).Strs("keys", keys.IDs()).Msg("keys read again")
	}
}
