package redistest

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Forgetful is a network that forgets flows without a word, as a NAT or a firewall does, or an
// address that moved to another machine: what is sent on them is lost in both directions, and
// nobody is told. It is a hook of the client of one server, and of each node of a cluster's.
type Forgetful struct {
	mark   []byte // of the requests on flows that it forgets
	born   atomic.Int64
	forget atomic.Int64 // flows that were there before that many
	lost   atomic.Int64
	later  atomic.Int64 // flows with a mark that it does not forget
}

// NewForgetful returns one that forgets, when it is told to, flows on which a mark was sent.
func NewForgetful(mark string) *Forgetful { return &Forgetful{mark: []byte(mark)} }

// Forget has it forget the flows that there are. Later ones pass.
func (f *Forgetful) Forget() {
	f.later.Store(0)
	f.forget.Store(f.born.Load())
}

// Later is how many flows with a mark there have been since.
func (f *Forgetful) Later() int64 { return f.later.Load() }

// Lost is how many packets were lost.
func (f *Forgetful) Lost() int64 { return f.lost.Load() }

// DialHook implements [redis.Hook].
func (f *Forgetful) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &flow{Conn: conn, network: f, born: f.born.Add(1)}, nil
	}
}

// ProcessHook implements [redis.Hook].
func (*Forgetful) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements [redis.Hook].
func (*Forgetful) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

type flow struct {
	net.Conn
	network *Forgetful
	born    int64
	marked  atomic.Bool
}

func (f *flow) forgotten() bool { return f.marked.Load() && f.born <= f.network.forget.Load() }

func (f *flow) Write(b []byte) (int, error) {
	if bytes.Contains(b, f.network.mark) && f.marked.CompareAndSwap(false, true) && !f.forgotten() {
		f.network.later.Add(1)
	}
	if f.forgotten() {
		f.network.lost.Add(1)
		return len(b), nil
	}
	return f.Conn.Write(b)
}

// Read waits until its deadline, whatever arrives on a flow that is forgotten.
func (f *flow) Read(b []byte) (int, error) {
	for {
		n, err := f.Conn.Read(b)
		if err != nil || !f.forgotten() {
			return n, err
		}
		f.network.lost.Add(1)
	}
}
