package dyplstest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Account is an account of the simulated service beside the one of [Config].
type Account struct {
	// AccessKeyID and AccessKeySecret are the credentials of its calls. No other account's key says
	// anything about what it owns.
	AccessKeyID, AccessKeySecret string
	// SecurityToken is the STS token that its requests must carry. Default "": none may.
	SecurityToken string
	// Pools are its pools. Default: as those of Config. Accounts may have pools under the same key, as
	// they share nothing.
	Pools []Pool
	// Quotas are the calls a second that an action may have, as in Config.
	Quotas map[string]int
}

// account is one account as it stands.
type account struct {
	owned

	key    Account
	quotas quotas
}

func defaultPools() []Pool { return []Pool{{Key: DefaultPoolKey, Numbers: Numbers("170", 100)}} }

// accounts are all of them by the ID of their access key, the one of Config among them.
func (c Config) accounts(random *rand.Rand) (map[string]*account, error) {
	main := Account{
		AccessKeyID:     c.AccessKeyID,
		AccessKeySecret: c.AccessKeySecret,
		SecurityToken:   c.SecurityToken,
		Pools:           c.Pools,
		Quotas:          c.Quotas,
	}
	all := make(map[string]*account, 1+len(c.Accounts))
	for i, key := range append([]Account{main}, c.Accounts...) {
		owned, err := newOwned(key.Pools, random)
		switch {
		case err != nil && i > 0:
			return nil, fmt.Errorf("of Config.Accounts[%d]: %w", i-1, err)
		case err != nil:
			return nil, err
		}
		all[key.AccessKeyID] = &account{owned: owned, key: key, quotas: newQuotas(key.Quotas)}
	}
	return all, nil
}

func (c Config) validateAccounts() error {
	taken := []string{c.AccessKeyID}
	for i, a := range c.Accounts {
		var err error
		switch {
		case a.AccessKeyID == "" || a.AccessKeySecret == "":
			err = errors.New("AccessKeyID and AccessKeySecret are required: give both")
		case slices.Contains(taken, a.AccessKeyID):
			err = errors.New("the AccessKeyID is taken by an earlier account: give each its own")
		default:
			err = checkQuotas(a.Quotas)
		}
		if err != nil {
			return fmt.Errorf("dyplstest: Config.Accounts[%d]: %w", i, err)
		}
		taken = append(taken, a.AccessKeyID)
	}
	return nil
}

// SetAccountQuota is [Simulator.SetQuota] for the account of an access key.
func (s *Simulator) SetAccountQuota(accessKeyID, action string, perSecond int) error {
	if err := checkQuota(action, perSecond); err != nil {
		return fmt.Errorf("dyplstest: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.accounts[accessKeyID]
	if of == nil {
		return errors.New("dyplstest: no account has this access key: name it in Config.Accounts")
	}
	of.quotas.set(action, perSecond)
	return nil
}

// sortBindings puts the bindings of several accounts into one order.
func sortBindings(bindings []Binding) {
	slices.SortFunc(bindings, func(a, b Binding) int { return strings.Compare(a.SubsID, b.SubsID) })
}
