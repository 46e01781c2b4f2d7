package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/hostcheck"
)

const (
	simPort    = "8081"
	ledgerPath = dyplstest.LedgerPath
	simNumbers = 20_000
)

type simCommand struct {
	Listen              string            `default:"127.0.0.1:8081" help:"Address to serve on (${default})." placeholder:"ADDRESS"`
	Pool                string            `default:"FC100000000001" help:"Key of the pool (${default})." placeholder:"FC..."`
	Numbers             int               `default:"20000" help:"Numbers in the pool (${default})."`
	AccessKeyID         string            `default:"testAccessKeyId" help:"The only access key that is accepted (${default})." name:"access-key-id"`
	AccessKeySecret     string            `default:"testAccessKeySecret" help:"Its secret (${default}): a simulator guards nothing." name:"access-key-secret"`
	SecurityToken       string            `help:"The STS token that every request must bring, as with temporary credentials." name:"security-token" placeholder:"TOKEN"`
	Fault               []string          `help:"A rule by which calls fail, as 'action=BindAxn code=isv.FLOW_LIMIT rate=0.05 first=1'; may be repeated." placeholder:"RULE" sep:"none"`
	Quota               map[string]int    `help:"Calls a second of an action, as BindAxn=100." placeholder:"ACTION=N"`
	Scale               float64           `default:"1" env:"DYPLSQ_SIM_SCALE" help:"How long a second of a call that is placed lasts, and of the wait before a push is repeated: 0.001 for minutes of milliseconds (${default})." placeholder:"SECONDS"`
	Push                map[string]string `env:"DYPLSQ_SIM_PUSH" help:"Where receipts of a type are pushed, as SecretReport=http://127.0.0.1:8090/receipts/SecretReport; may be repeated." placeholder:"TYPE=URL"`
	Queue               map[string]string `env:"DYPLSQ_SIM_QUEUE" help:"The queue in which receipts of a type wait, as SecretReport=Alicom-Queue-1-SecretReport, fetched by MNS's protocol at /queues/NAME/messages with a token of QueryTokenForMnsQueue; may be repeated." placeholder:"TYPE=QUEUE"`
	TokenLife           time.Duration     `default:"10m" env:"DYPLSQ_SIM_TOKEN_LIFE" help:"How long such a token works (${default})." placeholder:"DURATION"`
	Visibility          time.Duration     `default:"30s" env:"DYPLSQ_SIM_VISIBILITY" help:"How long a message that was fetched is hidden (${default})." placeholder:"DURATION"`
	PushBatch           int               `default:"1" env:"DYPLSQ_SIM_PUSH_BATCH" help:"Records in a push, at most (${default})." placeholder:"N"`
	RecordingReadyAfter time.Duration     `env:"DYPLSQ_SIM_RECORDING_READY_AFTER" help:"How long after its call a recording is there, by --scale; 0 for at once." placeholder:"DURATION"`
	RecordingSize       int               `env:"DYPLSQ_SIM_RECORDING_SIZE" help:"Bytes of a recording; 0 for 2000 for each second of the call." placeholder:"BYTES"`
	LinkLife            time.Duration     `default:"2h" env:"DYPLSQ_SIM_LINK_LIFE" help:"How long a link to a recording works (${default})." placeholder:"DURATION"`
	Duplicates          float64           `env:"DYPLSQ_SIM_DUPLICATES" help:"Share of receipts that come twice; 0 for none." placeholder:"SHARE"`
	Late                float64           `env:"DYPLSQ_SIM_LATE" help:"Share of receipts that come 15 minutes late, by --scale; 0 for none." placeholder:"SHARE"`
	OutOfOrder          float64           `env:"DYPLSQ_SIM_OUT_OF_ORDER" help:"Share of calls whose receipts come in the opposite order; 0 for none." placeholder:"SHARE"`
	Seed                uint64            `default:"1" help:"Makes the choice of numbers, of failing requests and of receipts reproducible (${default})."`
}

// Run serves the simulated API until ctx is done.
func (c *simCommand) Run(ctx context.Context, s streams) error {
	config := dyplstest.Config{
		AccessKeyID:     c.AccessKeyID,
		AccessKeySecret: c.AccessKeySecret,
		SecurityToken:   c.SecurityToken,
		Seed:            c.Seed,
		Quotas:          c.Quota,
		LedgerLimit:     -1,
		Recordings: dyplstest.Recordings{
			ReadyAfter: c.RecordingReadyAfter, Size: c.RecordingSize, LinkLife: c.LinkLife,
		},
		Calls: dyplstest.Calls{Scale: c.Scale},
		Receipts: dyplstest.Receipts{
			Push: c.Push, Queues: c.Queue, TokenLife: c.TokenLife, Visibility: c.Visibility,
			Batch: c.PushBatch, Duplicates: c.Duplicates, Late: c.Late, OutOfOrder: c.OutOfOrder,
		},
		Pools: []dyplstest.Pool{{Key: c.Pool, Numbers: dyplstest.Numbers("170", c.Numbers)}},
	}
	for _, text := range c.Fault {
		fault, err := dyplstest.ParseFault(text)
		if err != nil {
			return usage(err.Error())
		}
		config.Faults = append(config.Faults, fault)
	}
	simulator, err := dyplstest.New(config)
	if err != nil {
		return usage(err.Error())
	}
	defer simulator.Close()
	listener, err := listen("--listen", c.Listen, simPort)
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	token := ""
	if c.SecurityToken != "" {
		token = " ALIBABA_CLOUD_SECURITY_TOKEN=" + c.SecurityToken
	}
	_, _ = fmt.Fprintf(
		s.err,
		"A SIMULATED API, in memory: nothing is bound, everything is lost on exit.\n"+
			"  DYPLSQ_ENDPOINT=%s ALIBABA_CLOUD_ACCESS_KEY_ID=%s ALIBABA_CLOUD_ACCESS_KEY_SECRET=%s%s\n  pool %s with %d numbers; what was done: %s%s; place calls: POST %s%s; their receipts: %s%s\n",
		url,
		c.AccessKeyID,
		c.AccessKeySecret,
		token,
		c.Pool,
		c.Numbers,
		url,
		ledgerPath,
		url,
		dyplstest.CallsPath,
		url,
		dyplstest.ReceiptsPath,
	)
	hosts := hostcheck.Hosts{Loopback: isLoopback(c.Listen, simPort)}
	return serve(ctx, listener, hosts.Guard(simulator.Handler()))
}
