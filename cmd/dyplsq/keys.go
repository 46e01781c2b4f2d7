package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

type keysCommand struct {
	New      keysNew      `cmd:"" help:"Make a file with a key, or add one to it: --add. It seals nothing until it is activated."`
	Activate keysActivate `cmd:"" help:"Have a key of a file seal, once every process has it."`
	Rotate   keysRotate   `cmd:"" help:"Seal anew by the active key what others have sealed, and seal what is clear. It may be interrupted, and goes on when it is called again."`
	Status   keysStatus   `cmd:"" help:"Count what each key has sealed, and what is clear. Exits 0 when all is sealed by the active key."`
	Drop     keysDrop     `cmd:"" help:"Take a key out of a file that has sealed nothing of what is in Redis."`
}

type keysNew struct {
	File string `arg:"" help:"The file. Its owner alone may read it."`
	ID   string `help:"The key's id, of A-Z, a-z, 0-9, '.', '_' and '-': today's date by default." name:"id" placeholder:"ID"`
	Add  bool   `help:"Add the key to a file that is there."`
}

// Run makes a key, and prints its id.
func (c *keysNew) Run(s streams) error {
	id := c.ID
	if id == "" {
		id = time.Now().Format(time.DateOnly)
	}
	var err error
	if c.Add {
		err = changeKeys(c.File, func(f *seal.File) error {
			if c.ID == "" {
				id = freeID(*f, id)
			}
			f.Add(id)
			return nil
		})
	} else {
		err = makeKeys(c.File, id)
	}
	if err != nil {
		return usage(err.Error())
	}
	_, err = fmt.Fprintln(s.out, id)
	return err
}

// makeKeys makes a file that is not there.
func makeKeys(path, id string) error {
	f := seal.NewFile(id)
	f.Active = ""
	made := f.Marshal()
	if _, err := seal.ParseFile(made); err != nil {
		return err
	}
	const ownersAlone = 0o600
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, ownersAlone) //nolint:gosec // the operator names it
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there, and is left as it is: add a key to it by --add, or name another file", path)
	}
	if err != nil {
		return fmt.Errorf("the file cannot be made: %w", err)
	}
	_, err = file.Write(made)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("the file cannot be written: %w", err)
	}
	return nil
}

// changeKeys changes a file that is there, as a whole or not at all.
func changeKeys(path string, change func(*seal.File) error) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("the file cannot be read: %w", err)
	}
	return changeFile(path, func(text []byte) (string, error) {
		f, err := seal.ParseFile(text)
		if err != nil {
			return "", broken(err)
		}
		if err = change(&f); err != nil {
			return "", err
		}
		changed := f.Marshal()
		_, err = seal.ParseFile(changed)
		return string(changed), err
	})
}

// freeID is an id that no key has: 2026-11-30, 2026-11-30.2 and so on.
func freeID(f seal.File, id string) string {
	taken := func(id string) bool {
		return slices.ContainsFunc(f.Keys, func(k seal.FileKey) bool { return k.ID == id })
	}
	free := id
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s.%d", id, n)
	}
	return free
}

type keysActivate struct {
	File string `arg:"" help:"The file of keys."`
	ID   string `arg:"" help:"The id of the key that is to seal from now on." name:"id"`
}

// Run has another key seal.
func (c *keysActivate) Run(s streams) error {
	err := changeKeys(c.File, func(f *seal.File) error {
		if !slices.ContainsFunc(f.Keys, func(k seal.FileKey) bool { return k.ID == c.ID }) {
			return unknownKey(*f, c.ID)
		}
		f.Active = c.ID
		return nil
	})
	if err != nil {
		return usage(err.Error())
	}
	_, err = fmt.Fprintf(s.err, "dyplsq: %s seals from now on; seal anew what others have sealed: dyplsq keys rotate\n", c.ID)
	return err
}

func unknownKey(f seal.File, id string) error {
	ids := make([]string, len(f.Keys))
	for i, k := range f.Keys {
		ids[i] = k.ID
	}
	return fmt.Errorf("there is no key %q: it has %s", id, strings.Join(ids, ", "))
}
