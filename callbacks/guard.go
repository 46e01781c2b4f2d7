package callbacks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// addressError is that an address must not be connected to.
type addressError struct {
	what    string
	private bool // allow_private lets it pass
}

// Error implements error.
func (e addressError) Error() string { return e.what }

// remedyOf says what to do about an address that is refused.
func remedyOf(err error) string {
	if refused, is := errors.AsType[addressError](err); is && refused.private {
		return `set "allow_private": true if the receiver is in your own network`
	}
	return "name the receiver's own address"
}

// network is a range of addresses that are not anybody's on the Internet.
type network struct {
	addressError

	prefix netip.Prefix
}

func networks(what string, private bool, prefixes ...string) (list []network) {
	for _, prefix := range prefixes {
		list = append(list, network{addressError{what, private}, netip.MustParsePrefix(prefix)})
	}
	return list
}

func joined(lists ...[]network) (all []network) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// special are the addresses of version 4 that are refused, by IANA's registry, the narrow ones
// first. Metadata are what a cloud's machines are told, credentials among it.
var special = joined(
	networks(
		"a service of metadata", false, "169.254.169.254/32", "100.100.100.200/32", "192.0.0.192/32",
	),
	networks("a loopback address", true, "127.0.0.0/8"),
	networks(
		"a private network", true, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
	),
	networks("a link-local address", false, "169.254.0.0/16"),
	networks("no address of a host", false, "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"),
	networks("a reserved address", false,
		"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24"),
)

// special6 are those of version 6. Beside them only global unicast, 2000::/3, is connected to.
var special6 = joined(
	networks("a service of metadata", false, "fd00:ec2::254/128"),
	networks("a loopback address", true, "::1/128"),
	networks("a private network", true, "fc00::/7"),
	networks("a link-local address", false, "fe80::/10", "fec0::/10"),
	networks("no address of a host", false, "::/128", "ff00::/8"),
	networks("a tunnel's address", false, "2001::/32"),
	networks("a reserved address", false, "2001::/23", "2001:db8::/32", "3fff::/20"),
)

var (
	globalUnicast = netip.MustParsePrefix("2000::/3")
	nat64         = netip.MustParsePrefix("64:ff9b::/96") // the last 32 bits are an IPv4
	sixToFour     = netip.MustParsePrefix("2002::/16")    // the 32 bits that follow are
)

// checkAddress refuses addresses that lead to this machine, into private networks or nowhere, in
// any form that an address of version 4 has in version 6.
func checkAddress(address netip.Addr, allowPrivate bool) error {
	address = address.Unmap().WithZone("")
	list := special
	if address.Is6() {
		bytes := address.As16()
		switch {
		case nat64.Contains(address):
			return checkAddress(netip.AddrFrom4([4]byte(bytes[12:16])), allowPrivate)
		case sixToFour.Contains(address):
			return checkAddress(netip.AddrFrom4([4]byte(bytes[2:6])), allowPrivate)
		}
		list = special6
	}
	for _, n := range list {
		if n.prefix.Contains(address) {
			if n.private && allowPrivate {
				return nil
			}
			return n.addressError
		}
	}
	if address.Is6() && !globalUnicast.Contains(address) {
		return addressError{what: "a reserved address"}
	}
	return nil
}

const dialTimeout = 5 * time.Second

// guardedDialer connects to addresses that [checkAddress] lets pass. It looks at the address that
// is connected to, whatever a name has resolved to before.
func guardedDialer(resolver *net.Resolver, allowPrivate bool) *net.Dialer {
	return &net.Dialer{
		Timeout:  dialTimeout,
		Resolver: resolver,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return addressError{what: "no address of a host"}
			}
			if err := checkAddress(to.Addr(), allowPrivate); err != nil {
				return fmt.Errorf("it leads to %w", err)
			}
			return nil
		},
	}
}
