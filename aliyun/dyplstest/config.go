package dyplstest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// What a [Config] holds where its field is left empty.
const (
	DefaultAccessKeyID     = "testAccessKeyId"
	DefaultAccessKeySecret = "testAccessKeySecret"
	DefaultPoolKey         = "FC100000000001"
	DefaultLedgerLimit     = 250_000
)

// Config says what a [Simulator] simulates. The zero value is useful.
type Config struct {
	// AccessKeyID and AccessKeySecret are the only credentials accepted.
	// Default: [DefaultAccessKeyID] and [DefaultAccessKeySecret].
	AccessKeyID, AccessKeySecret string
	// SecurityToken is the STS token that every request must carry. Default "": none may.
	SecurityToken string

	// Now is the clock of the whole simulated service: expiry, quotas, skew. Default: [time.Now].
	// The delays of faults are real time.
	Now func() time.Time
	// Seed makes the choice of numbers and the requests that a fault's Rate hits reproducible.
	Seed uint64

	// Accounts are further accounts beside that of AccessKeyID. They share nothing: each has pools,
	// quotas and bindings of its own.
	Accounts []Account

	// Pools are the pools of the account. Default: one, [DefaultPoolKey], with 100 numbers from
	// 17000000000 on.
	Pools []Pool
	// Quotas are the calls a second that an action may have, in windows of one second of Now. 0 or
	// absent: no bound.
	Quotas map[string]int
	// QuotaCode is what a call beyond the quota is answered with: a service's code such as
	// isv.FLOW_LIMIT, or a gateway's such as Throttling.User, which comes with HTTP 400 and the
	// headers x-ratelimit-user-api, x-ratelimit-user and x-acs-retry-after. Default: isv.FLOW_LIMIT.
	QuotaCode string
	// Faults are the rules by which calls fail, the first that matches decides. [Simulator.AddFault]
	// adds more.
	Faults []Fault

	// LegacyUnbind answers the unbind of a gone binding as the service did in 2019:
	// isv.ILLEGAL_ARGUMENT with the message "subs not exist". Default: isv.SUBS_NOT_EXIST.
	LegacyUnbind bool
	// ListDelay is how long after a bind QuerySubsId starts to list it. Default: 0, at once.
	ListDelay time.Duration
	// Recordings says which recordings there are.
	Recordings Recordings
	// Transcripts says when the transcripts of calls are there.
	Transcripts Transcripts
	// ForSale are the numbers that QuerySecretNoRemain counts. Default: none.
	ForSale []ForSale
	// Calls says how the calls that [Simulator.PlaceCall] places go on.
	Calls Calls
	// Receipts says where the receipts of calls go, and which of them go wrong.
	Receipts Receipts

	// LedgerLimit is how many entries the ledger keeps, and how many calls and receipts; the oldest go
	// first. Default: [DefaultLedgerLimit]. Negative: no bound.
	LedgerLimit int
}

func (c Config) withDefaults() Config {
	c.AccessKeyID = cmp.Or(c.AccessKeyID, DefaultAccessKeyID)
	c.AccessKeySecret = cmp.Or(c.AccessKeySecret, DefaultAccessKeySecret)
	c.QuotaCode = cmp.Or(c.QuotaCode, "isv.FLOW_LIMIT")
	c.LedgerLimit = cmp.Or(c.LedgerLimit, DefaultLedgerLimit)
	c.Recordings = c.Recordings.withDefaults()
	c.Calls = c.Calls.withDefaults()
	c.Receipts = c.Receipts.withDefaults()
	if c.Now == nil {
		c.Now = time.Now
	}
	if len(c.Pools) == 0 {
		c.Pools = defaultPools()
	}
	c.Accounts = slices.Clone(c.Accounts)
	for i, a := range c.Accounts {
		if len(a.Pools) == 0 {
			c.Accounts[i].Pools = defaultPools()
		}
	}
	return c
}

func (c Config) validate() error {
	if err := checkQuotas(c.Quotas); err != nil {
		return fmt.Errorf("dyplstest: Config.Quotas: %w", err)
	}
	if err := c.validateAccounts(); err != nil {
		return err
	}
	if info, _ := dypls.LookupCode(c.QuotaCode); info.Class != dypls.Throttled {
		return fmt.Errorf(
			"dyplstest: Config.QuotaCode %q must be a code that throttles: take isv.FLOW_LIMIT or Throttling.User",
			c.QuotaCode,
		)
	}
	if c.ListDelay < 0 {
		return errors.New("dyplstest: Config.ListDelay must not be negative: leave it 0 for at once")
	}
	if err := c.Calls.validate(); err != nil {
		return err
	}
	if err := c.Receipts.validate(); err != nil {
		return err
	}
	if err := c.Transcripts.validate(); err != nil {
		return err
	}
	if err := validateForSale(c.ForSale); err != nil {
		return err
	}
	return c.Recordings.validate()
}

func checkQuotas(quotas map[string]int) error {
	for action, perSecond := range quotas {
		if err := checkQuota(action, perSecond); err != nil {
			return err
		}
	}
	return nil
}

func checkQuota(action string, perSecond int) error {
	if err := checkAction(action); err != nil {
		return err
	}
	if perSecond < 0 {
		return fmt.Errorf("calls a second of %s must not be negative: 0 means no bound", action)
	}
	return nil
}

func checkAction(action string) error {
	if _, known := actions[action]; !known {
		return fmt.Errorf(
			"action %q is not simulated: take one of %s",
			action,
			strings.Join(Actions(), ", "),
		)
	}
	return nil
}

// Actions returns the actions that are simulated, sorted.
func Actions() []string {
	names := make([]string, 0, len(actions))
	for name := range actions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
