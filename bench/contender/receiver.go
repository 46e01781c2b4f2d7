package contender

import (
	"os/exec"

	"github.com/seed-5c07c2e9/dyplsq/bench/handrolled"
)

// The kinds of worker processes that take in receipts.
const (
	receiverKind = "receiver"
	keeperKind   = "keeper"
)

// PlainReceiver is the program of a handler of receipts that is written by hand.
func PlainReceiver(site Site) (*exec.Cmd, error) {
	return own(receiverKind, site, handrolled.Concurrency)
}

func runReceiver(site Site, slots int) error {
	return handrolled.Receive(site.Listen, site.Redis, slots)
}

// PlainKeeper is the program of a handler by hand that keeps so many recordings at once.
func PlainKeeper(site Site, parallel int) (*exec.Cmd, error) {
	return own(keeperKind, site, parallel)
}

func runKeeper(site Site, parallel int) error {
	api, err := handrolled.NewAPI(handrolled.APIConfig{
		Endpoint: site.host(), Protocol: "HTTP", AccessKeyID: site.KeyID, AccessKeySecret: site.Secret,
	})
	if err != nil {
		return err
	}
	return handrolled.KeepRecordings(site.Listen, site.Redis, api, site.Archive, parallel)
}
