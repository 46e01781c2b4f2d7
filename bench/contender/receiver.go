package contender

import (
	"os/exec"

	"github.com/seed-5c07c2e9/dyplsq/bench/handrolled"
)

const receiverKind = "receiver"

// PlainReceiver is the program of a handler of receipts that is written by hand.
func PlainReceiver(site Site) (*exec.Cmd, error) {
	return own(receiverKind, site, handrolled.Concurrency)
}

func runReceiver(site Site, slots int) error {
	return handrolled.Receive(site.Listen, site.Redis, slots)
}
