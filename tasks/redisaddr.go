package tasks

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// parseAddrs reads host[:port],host[:port]. Its error names an address by its place: it may be a
// URL with a password.
func parseAddrs(list, defaultPort string) ([]string, error) {
	var addrs []string
	for i, text := range strings.Split(list, ",") {
		addr, wrong := parseAddr(strings.TrimSpace(text), defaultPort)
		if wrong != "" {
			return nil, fmt.Errorf("number %d of the list is %s", i+1, wrong)
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

const noAddr = "not host:port"

// parseAddr tells what is wrong with host[:port], and repeats nothing of it.
func parseAddr(text, defaultPort string) (addr, wrong string) {
	if text == "" {
		return "", "empty; name a host, and leave no comma at an end"
	}
	if strings.ContainsAny(text, "\"'`") {
		return "", "in quotation marks; remove them"
	}
	if ip, err := netip.ParseAddr(text); err == nil && ip.Is6() {
		return "", "an IPv6 address without brackets; write [::1]:" + defaultPort
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		if host, port, err = net.SplitHostPort(text + ":" + defaultPort); err != nil {
			return "", noAddr + "; an IPv6 address stands in brackets, as in [::1]:" + defaultPort
		}
	}
	bracketed := strings.HasPrefix(text, "[")
	if ip, err := netip.ParseAddr(strings.Replace(host, "%25", "%", 1)); bracketed {
		if err != nil || !ip.Is6() {
			return "", noAddr + "; there is no IPv6 address in its brackets"
		}
		host = ip.String()
	} else if host == "" || strings.ContainsFunc(host, notOfHost) {
		return "", noAddr + "; the host is missing, or has a character that no host has"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", noAddr + "; the port must be a number from 1 to 65535"
	}
	return net.JoinHostPort(host, port), ""
}

// notOfHost tells whether a character is in no host's name. Names of other scripts
// are the resolver's business.
func notOfHost(r rune) bool {
	return r != '.' && r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// errNoRedis is that nothing says where Redis is.
var errNoRedis = errors.New(
	"no Redis is named: give a URL, such as redis://localhost:6379/0, or the nodes of a cluster",
)
