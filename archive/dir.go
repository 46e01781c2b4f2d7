package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"
)

const (
	dirMode  = 0o750
	fileMode = 0o640
	// incoming holds what is being written: a name that no object has.
	incoming = ".incoming"
	// leftOver is when what is being written was left by a process that died.
	leftOver = 24 * time.Hour
)

// dir is a store in a directory.
type dir struct{ root string }

func openDir(u *url.URL) (Store, error) { //nolint:ireturn // as the others
	if _, err := parameters(u); err != nil {
		return nil, err
	}
	if u.Host != "" && u.Host != "localhost" || !path.IsAbs(u.Path) || path.Clean(u.Path) == "/" {
		return nil, errors.New("a directory must be named whole, as in file:///var/lib/dyplsq/recordings")
	}
	d := dir{filepath.FromSlash(path.Clean(u.Path))}
	d.sweep()
	return d, nil
}

// sweep removes what processes left that died.
func (d dir) sweep() {
	entries, err := os.ReadDir(filepath.Join(d.root, incoming))
	if err != nil {
		return // there is none
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > leftOver {
			_ = os.Remove(filepath.Join(d.root, incoming, e.Name()))
		}
	}
}

// there refuses a directory that is away: below one that is not mounted everything would be written
// to another disk.
func (d dir) there() error {
	info, err := os.Stat(d.root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the directory %s is not there: make it, or mount it", d.root)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no directory", d.root)
	}
	return nil
}

// Put implements [Store].
func (d dir) Put(_ context.Context, name string, body io.ReadSeeker, size int64) error {
	if err := d.there(); err != nil {
		return err
	}
	if err := d.makeAll(incoming); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Join(d.root, incoming), "*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	if err = write(temporary, body, size); err != nil {
		return err
	}
	if err = d.makeAll(path.Dir(name)); err != nil {
		return err
	}
	final := d.path(name)
	if err = os.Link(temporary.Name(), final); errors.Is(err, fs.ErrExist) {
		return ErrExists
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(final))
}

// write fills a file, and returns when the disk has it.
func write(f *os.File, body io.Reader, size int64) error {
	written, err := io.Copy(f, body)
	if err == nil && written != size {
		err = fmt.Errorf("%d bytes of %d", written, size)
	}
	if err == nil {
		err = f.Chmod(fileMode)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// makeAll makes a directory below the root, and those above it.
func (d dir) makeAll(name string) error {
	if name == "." {
		return nil
	}
	if info, err := os.Stat(d.path(name)); err == nil && info.IsDir() {
		return nil
	}
	if err := d.makeAll(path.Dir(name)); err != nil {
		return err
	}
	if err := os.Mkdir(d.path(name), dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(d.path(name)))
}

// syncDir returns when the disk has the names in a directory.
func syncDir(name string) error {
	f, err := os.Open(name) //nolint:gosec // below the root
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) { // a system without it
		err = nil
	}
	return errors.Join(err, f.Close())
}

func (d dir) path(name string) string { return filepath.Join(d.root, filepath.FromSlash(name)) }

// Get implements [Store].
func (d dir) Get(_ context.Context, name string) (io.ReadCloser, int64, error) {
	if err := d.there(); err != nil {
		return nil, 0, err
	}
	f, err := os.Open(d.path(name))
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// GetFrom implements [Store].
func (d dir) GetFrom(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	body, _, err := d.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	if file, is := body.(io.Seeker); is {
		_, err = file.Seek(offset, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return body, nil
}

// Probe implements [Store].
func (d dir) Probe(context.Context) error {
	if err := d.there(); err != nil {
		return err
	}
	const writeAndEnter = 0o3
	if err := syscall.Access(d.root, writeAndEnter); err != nil {
		return fmt.Errorf("the directory %s cannot be written to: %w", d.root, err)
	}
	return nil
}

// Location implements [Store].
func (d dir) Location(name string) string {
	return (&url.URL{Scheme: "file", Path: path.Join(filepath.ToSlash(d.root), name)}).String()
}
