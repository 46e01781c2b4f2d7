package dashboard

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

// maxCost keeps a look at a password within about a second: a dearer hash is a way to keep the
// processor busy.
const maxCost = 14

// Passwords are the users of an htpasswd file.
type Passwords struct {
	users  map[string][]byte // bcrypt hashes
	roles  map[string][]Role // by user
	hashes [][]byte          // the same, in the file's order
	seed   maphash.Seed
	gate   *gate
	// Exposed tells that others on this machine may read the file, and guess at its hashes at leisure.
	Exposed bool

	key   [sha256.Size]byte
	mu    sync.Mutex
	known map[string][]byte // by user: an HMAC of the password that was right
}

// ReadPasswords reads an htpasswd file: lines of user:hash, or user:hash:role,role, where every
// hash is bcrypt's. A user without the third field may see and operate. The error names all lines
// that are wrong, and never what is in them.
func ReadPasswords(file string) (*Passwords, error) {
	data, err := os.ReadFile(file) //nolint:gosec // who starts the dashboard names it
	if err != nil {
		return nil, fmt.Errorf("the password file cannot be read: %w", err)
	}
	p := &Passwords{
		users: map[string][]byte{},
		roles: map[string][]Role{},
		seed:  maphash.MakeSeed(),
		gate:  newGate(),
		known: map[string][]byte{},
	}
	_, _ = rand.Read(p.key[:]) // it never fails
	const others = 0o007
	if info, err := os.Stat(file); err == nil {
		p.Exposed = info.Mode().Perm()&others != 0
	}
	var problems []error
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimRight(lines.Text(), " \t\r")
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if err := p.add(text); err != nil {
			problems = append(problems, fmt.Errorf("%s line %d: %w", file, n, err))
		}
	}
	if err := lines.Err(); err != nil {
		problems = append(problems, fmt.Errorf("the password file cannot be read: %w", err))
	}
	if len(p.users) == 0 && len(problems) == 0 {
		problems = append(
			problems,
			fmt.Errorf("%s holds no user: add one with htpasswd -B -C 12 %s NAME", file, file),
		)
	}
	return p, errors.Join(problems...)
}

func (p *Passwords) add(line string) error {
	user, rest, found := strings.Cut(line, ":")
	if !found || user == "" {
		return errors.New("it must be user:hash: make it with htpasswd -B -C 12")
	}
	hash, words, given := strings.Cut(rest, ":")
	if _, twice := p.users[user]; twice {
		return errors.New("this user is there twice: keep one line of each")
	}
	if !strings.HasPrefix(hash, "$2a$") && !strings.HasPrefix(hash, "$2b$") &&
		!strings.HasPrefix(hash, "$2y$") {
		return errors.New(
			"the hash is not bcrypt's, which begins with $2y$, $2b$ or $2a$: make it anew with htpasswd -B -C 12",
		)
	}
	const hashLength = 60
	cost, err := bcrypt.Cost([]byte(hash))
	switch {
	case err != nil, len(hash) != hashLength:
		return errors.New("the bcrypt hash is not whole: make it anew with htpasswd -B -C 12")
	case cost > maxCost:
		return fmt.Errorf(
			"bcrypt's cost is %d, over %d: make it anew with htpasswd -B -C 12",
			cost,
			maxCost,
		)
	}
	roles := usualRoles
	if given {
		if roles, err = parseRoles(words); err != nil {
			return err
		}
	}
	p.roles[user] = roles
	p.users[user] = []byte(hash)
	p.hashes = append(p.hashes, []byte(hash))
	return nil
}

// check tells whether a password is the user's. A user that does not exist takes as long as one
// that does: the password is then compared with the hash of another, always the same. Its error is
// errBusy or ctx's.
func (p *Passwords) check(
	ctx context.Context,
	from netip.Addr,
	user, password string,
) (right bool, err error) {
	seen := p.sum(user, password)
	if p.remembered(user, seen) {
		return true, nil
	}
	hash, exists := p.users[user]
	line := user
	if !exists {
		line = ""
	}
	leave, err := p.gate.enter(ctx, from, line)
	if err != nil {
		return false, err
	}
	defer func() { leave(right) }()
	if p.remembered(user, seen) { // while it waited
		return true, nil
	}
	if !exists {
		hash = p.hashes[maphash.String(p.seed, user)%uint64(len(p.hashes))]
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil || !exists {
		return false, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known[user] = seen
	return true, nil
}

func (p *Passwords) remembered(user string, sum []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return hmac.Equal(p.known[user], sum)
}

func (p *Passwords) sum(user, password string) []byte {
	mac := hmac.New(sha256.New, p.key[:])
	_, _ = mac.Write([]byte(user + "\x00" + password))
	return mac.Sum(nil)
}
