package contender

import (
	"context"
	"os"
	"os/exec"
	"sync"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Direct calls the API without any queue: the ceiling.
func Direct() Contender { return direct{} }

type direct struct{}

func (direct) Name() string { return "direct" }

func (d direct) Worker(site Site, slots int) (*exec.Cmd, error) {
	return own(d.Name(), site, slots)
}

// runDirect calls until the process is ended, other binds than other processes.
func runDirect(site Site, slots int) error {
	const processes, own = 50, 2_000_000
	api, err := site.client(slots)
	if err != nil {
		return err
	}
	first := os.Getpid() % processes * own
	var calling sync.WaitGroup
	for slot := range slots {
		calling.Go(func() {
			for i := first + slot; ; i += slots {
				_, _ = dypls.BindAXN.Call(context.Background(), api, dypls.BindAXN.WithOutID(bind(i), ID(i)))
			}
		})
	}
	calling.Wait()
	return nil
}

func (direct) Producer(_ context.Context, site Site) (Producer, error) {
	api, err := site.client(enqueuers)
	return &directProducer{api, site.Calls}, err
}

type directProducer struct {
	api   *aliyun.Client
	calls func() int
}

func (*directProducer) Enqueue(context.Context, int) error           { return nil }
func (*directProducer) EnqueueBatch(context.Context, int, int) error { return nil }

func (p *directProducer) Do(ctx context.Context, i int) error {
	_, err := dypls.BindAXN.Call(ctx, p.api, bind(i))
	return err
}

func (p *directProducer) Finished(context.Context) (int, error) { return p.calls(), nil }

func (p *directProducer) Close() error { return p.api.Close() }
