package redisdial

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// MismatchError is that the server speaks TLS and the URL does not, or the other way round.
type MismatchError struct {
	TLS bool // the server speaks it
}

func (e *MismatchError) Error() string {
	if e.TLS {
		return "this looks like a server with TLS: write rediss:// in place of redis:// (or rediss-sentinel:// in place of redis-sentinel://)"
	}
	return "this looks like a server without TLS: write redis:// in place of rediss:// (or redis-sentinel:// in place of rediss-sentinel://)"
}

// speaksOther asks a server, over a connection of its own and without a secret, whether it speaks
// TLS where this client does not, or the other way round. All who fail in the same second share the
// answer.
func (d *Dialer) speaksOther(ctx context.Context, network, addr string) bool {
	d.mu.Lock()
	last, asked := d.spoken[addr]
	d.mu.Unlock()
	if asked && time.Since(last.at) < known {
		return last.other
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	ask := speaksTLS
	if d.tls != nil {
		ask = speaksPlainly
	}
	other := false
	if made, err := netDialer().DialContext(ctx, network, addr); err == nil {
		if deadline, bounded := ctx.Deadline(); bounded {
			_ = made.SetDeadline(deadline)
		}
		other = ask(ctx, made)
		_ = made.Close()
	}
	if ctx.Err() == nil || other {
		d.mu.Lock()
		d.spoken[addr] = spoken{time.Now(), other}
		d.mu.Unlock()
	}
	return other
}

// speaksPlainly: it answers a command with a line of Redis'.
func speaksPlainly(_ context.Context, made net.Conn) bool {
	if _, err := io.WriteString(made, "PING\r\n"); err != nil {
		return false
	}
	line, err := bufio.NewReader(io.LimitReader(made, 200)).ReadString('\n')
	return err == nil && (line[0] == '+' || line[0] == '-')
}

// speaksTLS: it shakes hands, or says in TLS' words why it does not.
func speaksTLS(ctx context.Context, made net.Conn) bool {
	anybody := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // nothing is said to it
	err := tls.Client(made, anybody).HandshakeContext(ctx)
	_, alert := errors.AsType[tls.AlertError](err)
	remote, isOp := errors.AsType[*net.OpError](err)
	return err == nil || alert || isOp && remote.Op == "remote error"
}

// looksEncrypted: a server that speaks TLS answers a command with an alert, or hangs up.
func looksEncrypted(first []byte, err error) bool {
	const alert = 0x15
	if len(first) > 0 {
		return first[0] == alert
	}
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}
