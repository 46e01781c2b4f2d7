package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/hostcheck"
)

// doorFlags say who may come to the dashboard, and how.
type doorFlags struct {
	Auth          string   `env:"DYPLSQ_DASH_AUTH" help:"htpasswd file with bcrypt hashes (htpasswd -B -C 12): everybody must log in. A line may end in :see,operate,numbers,listen." placeholder:"FILE"`
	TLSCert       string   `env:"DYPLSQ_DASH_TLS_CERT" help:"Certificate chain (PEM), with --tls-key." name:"tls-cert" placeholder:"FILE"`
	TLSKey        string   `env:"DYPLSQ_DASH_TLS_KEY" help:"Its key (PEM)." name:"tls-key" placeholder:"FILE"`
	BehindProxy   bool     `env:"DYPLSQ_DASH_BEHIND_PROXY" help:"A proxy in front ends TLS. Needs --trusted-proxy, and --trusted-header unless there is --auth."`
	TrustedProxy  []string `env:"DYPLSQ_DASH_TRUSTED_PROXY" help:"Addresses or networks of the proxy, the only ones that are answered: 10.0.0.7,192.168.4.0/24." placeholder:"CIDR"`
	TrustedHeader string   `env:"DYPLSQ_DASH_TRUSTED_HEADER" help:"Header in which the proxy names who it let in, such as X-Forwarded-User." placeholder:"NAME"`
	RolesHeader   string   `env:"DYPLSQ_DASH_ROLES_HEADER" help:"Header in which that proxy says what they may do: see, operate, numbers, listen, with commas. Without it everybody may see and operate. Needs --trusted-header." placeholder:"NAME"`
	AddressHeader string   `env:"DYPLSQ_DASH_ADDRESS_HEADER" help:"Header in which the proxy sets the client's address, such as X-Real-IP: log-ins are then counted by it. Needs --behind-proxy." placeholder:"NAME"`
	Host          []string `env:"DYPLSQ_DASH_HOST" help:"Names under which the dashboard is opened; others are refused. On loopback its own names always work." placeholder:"NAME"`
	Prometheus    string   `env:"DYPLSQ_DASH_PROMETHEUS" help:"Prometheus that scrapes the workers, for the dashboard's charts." placeholder:"URL"`
}

// check turns the flags into a door for an address, and finds everything that is wrong with them at
// once.
func (f doorFlags) check(loopback bool) (door dashboard.Door, certificate *tls.Config, err error) {
	var problems []error
	door = dashboard.Door{
		Hosts:         hostcheck.Hosts{Loopback: loopback},
		UserHeader:    f.TrustedHeader,
		RolesHeader:   f.RolesHeader,
		AddressHeader: f.AddressHeader,
	}
	wayIn := wayInFlags{
		tlsCert:      f.TLSCert,
		tlsKey:       f.TLSKey,
		behindProxy:  f.BehindProxy,
		trustedProxy: f.TrustedProxy,
	}
	problems = append(problems, wayIn.check("the dashboard", loopback)...)
	problems = append(problems, f.checkCombination(loopback)...)
	if f.Auth != "" {
		if door.Passwords, err = dashboard.ReadPasswords(f.Auth); err != nil {
			problems = append(problems, err)
		}
	}
	if certificate, err = wayIn.certificate(); err != nil {
		problems = append(problems, err)
	}
	if door.Proxies, err = wayIn.proxies(); err != nil {
		problems = append(problems, err)
	}
	if door.Hosts.Names, err = hostNames(f.Host); err != nil {
		problems = append(problems, err)
	}
	if err := checkPrometheus(f.Prometheus); err != nil {
		problems = append(problems, err)
	}
	return door, certificate, errors.Join(problems...)
}

// hostNames are the names under which a server may be asked, as hostcheck takes them.
func hostNames(given []string) (names []string, err error) {
	var problems []error
	for _, name := range given {
		if !hostName.MatchString(name) {
			problems = append(
				problems,
				fmt.Errorf("--host %q must be a name or an address without a port", name),
			)
		}
		names = append(names, strings.ToLower(strings.Trim(name, "[].")))
	}
	return names, errors.Join(problems...)
}

// warn tells of what lets the dashboard work, and should be mended all the same.
func (f doorFlags) warn(door dashboard.Door, log zerolog.Logger) {
	if door.Passwords != nil && door.Passwords.Exposed {
		log.Warn().Str("file", f.Auth).
			Msg("password file open to others; chmod 400 it, and give it to the dashboard's user")
	}
}

func (f doorFlags) checkCombination(loopback bool) (problems []error) {
	refuse := func(when bool, text string) {
		if when {
			problems = append(problems, errors.New(text))
		}
	}
	refuse(
		!f.BehindProxy && f.TrustedHeader != "",
		"--trusted-header is believed with --behind-proxy only: add it, or leave the header out",
	)
	refuse(
		!f.BehindProxy && f.AddressHeader != "",
		"--address-header is believed with --behind-proxy only: add it, or leave the header out",
	)
	refuse(
		f.TrustedHeader == "" && f.RolesHeader != "",
		"--roles-header is believed with --trusted-header only: add it, or leave the header out",
	)
	isTrusted := strings.EqualFold(f.RolesHeader, f.TrustedHeader)
	refuse(f.RolesHeader != "" && (!setByProxy(f.RolesHeader) || isTrusted),
		"--roles-header must be a header of its own that the proxy sets itself, such as X-Forwarded-Groups")
	refuse(f.AddressHeader != "" && !setByProxy(f.AddressHeader),
		"--address-header must be a header that the proxy sets itself to one address, such as X-Real-IP")
	refuse(
		f.Auth != "" && f.TrustedHeader != "",
		"--auth and --trusted-header both say who is there: keep one",
	)
	refuse(f.TrustedHeader != "" && !setByProxy(f.TrustedHeader),
		"--trusted-header must be a header that the proxy sets itself, such as X-Forwarded-User")
	refuse(
		(!loopback || f.BehindProxy) && f.Auth == "" && f.TrustedHeader == "",
		"beyond loopback the dashboard needs to know who is there: --auth FILE, or --behind-proxy with --trusted-header and --trusted-proxy",
	)
	return problems
}

// setByProxy reports whether a header may be one that the proxy sets, and no client.
func setByProxy(header string) bool {
	return headerName.MatchString(header) && !slices.Contains(ownHeaders, strings.ToLower(header))
}

var (
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	hostName   = regexp.MustCompile(`^([A-Za-z0-9.-]+|\[?[0-9A-Fa-f:]+\]?)$`)
	ownHeaders = []string{
		"authorization",
		"cookie",
		"host",
		"origin",
		"referer",
		"user-agent",
		"x-forwarded-for",
	} // any client sends these
)

func parseNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	if address, addressErr := netip.ParseAddr(text); addressErr == nil {
		network, err = netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()), nil
	}
	switch {
	case err != nil, network.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf(
			"--trusted-proxy %q must be an address or a network, such as 10.0.0.7 or 192.168.4.0/24",
			text,
		)
	case network.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf(
			"--trusted-proxy %s is everybody: name the proxy's own addresses",
			text,
		)
	}
	return network, nil
}

func checkPrometheus(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" ||
		u.Scheme != "http" && u.Scheme != "https" {
		return errors.New(
			"--prometheus must be http://host:port or https://host:port, without a password: the page shows it",
		)
	}
	return nil
}
