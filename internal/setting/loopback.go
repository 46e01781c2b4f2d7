package setting

import (
	"net"
	"strings"
)

// IsLoopback reports whether a host, without its port, is this machine:
// plain text may travel to it.
func IsLoopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}
