// Package redisdial makes connections to Redis that say what is wrong with them. They are dialled
// within a bounded time, whatever swallows the packets; where one side speaks TLS and the other
// does not, both are told apart; and those that lead to a server which takes no writes are left.
package redisdial

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
)

const (
	// Timeout bounds a dial by default, with all its tries.
	Timeout = 4 * time.Second

	tries    = 5
	tryAgain = 100 * time.Millisecond
	// most of a dial's time is for the connection, and the rest for finding out why there is none.
	most = 0.8
	// known is how long what a server speaks is taken for known.
	known = time.Second
)

// Dialer makes the connections of one client.
type Dialer struct {
	tls     *tls.Config // nil for none
	timeout time.Duration

	mu      sync.Mutex
	open    map[*conn]struct{}
	leftAt  map[string]time.Time
	leaving map[string]bool // soon
	spoken  map[string]spoken
}

// spoken is what a server was found to speak.
type spoken struct {
	at    time.Time
	other bool // not what this client does
}

// Install has a client with these options dial through a dialer of its own. The options' TLS and
// timeout must be set before.
func Install(o *redis.Options) *Dialer {
	if o.DialTimeout == 0 {
		o.DialTimeout = Timeout
	}
	d := &Dialer{
		tls:     o.TLSConfig,
		timeout: o.DialTimeout,
		open:    map[*conn]struct{}{},
		leftAt:  map[string]time.Time{},
		leaving: map[string]bool{},
		spoken:  map[string]spoken{},
	}
	o.Dialer, o.DialerRetries = d.dial, 1
	return d
}

// again tries again at once what was refused or reset, as a server does that is started anew, and
// gives up in time. Each try asks the Sentinels anew: a master that was killed may be a replica,
// and empty, when it is back.
func (d *Dialer) again(
	ctx context.Context,
	dial func(ctx context.Context, network, addr string) (net.Conn, error),
	network, addr string,
) (net.Conn, error) {
	if d.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.timeout)
		defer cancel()
	}
	for try := 1; ; try++ {
		made, err := dial(ctx, network, addr)
		if err == nil {
			return made, nil
		}
		if _, settled := errors.AsType[*MismatchError](err); settled || try == tries {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(tryAgain):
		}
	}
}

func (d *Dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	connecting := ctx
	if deadline, bounded := ctx.Deadline(); bounded {
		var cancel context.CancelFunc
		connecting, cancel = context.WithTimeout(ctx, time.Duration(most*float64(time.Until(deadline))))
		defer cancel()
	}
	made, err := netDialer().DialContext(connecting, network, addr)
	if err != nil {
		return nil, err
	}
	if d.tls == nil {
		return d.keep(made, addr), nil
	}
	secured := tls.Client(made, d.configFor(addr))
	if err := secured.HandshakeContext(connecting); err != nil {
		_ = made.Close()
		if d.speaksOther(ctx, network, addr) {
			return nil, &MismatchError{}
		}
		return nil, err
	}
	return d.keep(secured, addr), nil
}

// netDialer notices a peer that is gone as go-redis' own does.
func netDialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{
			Enable:   true,
			Idle:     30 * time.Second,
			Interval: 5 * time.Second,
			Count:    3,
		},
	}
}

// configFor names the server in its certificate, which is the host that is connected to unless a
// name is set.
func (d *Dialer) configFor(addr string) *tls.Config {
	if d.tls.ServerName != "" || d.tls.InsecureSkipVerify {
		return d.tls
	}
	config := d.tls.Clone()
	if host, _, err := net.SplitHostPort(addr); err == nil {
		config.ServerName = host
	}
	return config
}

// Watch has a client leave connections that lead to the wrong server. It is the client that the
// dialer was installed for.
func (d *Dialer) Watch(client redis.UniversalClient) {
	if cluster, is := client.(*redis.ClusterClient); is {
		cluster.OnNewNode(func(node *redis.Client) { node.AddHook(hook{d, node.Options().Addr}) })
		return
	}
	client.AddHook(hook{dialer: d})
}

// hook looks at what the commands of a client are answered.
type hook struct {
	dialer *Dialer
	addr   string // of the server; "" for the client's one, or the one that is the master now
}

// DialHook implements [redis.Hook]. Sentinels that know no master of a name say nil, which must not
// be taken for a key that is not there.
func (h hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		made, err := h.dialer.again(ctx, next, network, addr)
		if errors.Is(err, redis.Nil) {
			err = refusal.ErrUnknownMaster
		}
		return made, err
	}
}

// ProcessHook implements [redis.Hook].
func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err != nil && refusal.WrongServer(err) {
			h.dialer.leave(h.addr)
		}
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if err == nil {
			return nil
		}
		for _, cmd := range cmds {
			if refusal.WrongServer(cmd.Err()) {
				h.dialer.leave(h.addr)
				break
			}
		}
		return err
	}
}
