package dypls

import "log/slog"

// LockSecretNo keeps the platform from picking X for new bindings, for an X that is out of order
// for a while. What is bound to it stays. What becomes of a bind that names it is not documented.
// Published quota: 500 calls a second and account. (Help page of LockSecretNo, 锁定号码.)
var LockSecretNo = Operation[LockSecretNoRequest, Done]{
	Action: "LockSecretNo", Mutates: true, Repeatable: true, decode: decodeDone,
}

// LockSecretNoRequest holds the parameters of LockSecretNo.
type LockSecretNoRequest struct {
	PoolKey  string `json:"PoolKey"`
	SecretNo Phone  `json:"SecretNo"` // X, all of it
}

// Validate implements [Request].
func (r LockSecretNoRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r LockSecretNoRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r LockSecretNoRequest) describe(d *description) { d.secretNo(r.PoolKey, r.SecretNo) }

// UnlockSecretNo lets the platform pick X again for new bindings. Published quota: 500 calls a
// second and account. (Help page of UnlockSecretNo, 解锁号码.)
var UnlockSecretNo = Operation[UnlockSecretNoRequest, Done]{
	Action: "UnlockSecretNo", Mutates: true, Repeatable: true, decode: decodeDone,
}

// UnlockSecretNoRequest holds the parameters of UnlockSecretNo.
type UnlockSecretNoRequest struct {
	PoolKey  string `json:"PoolKey"`
	SecretNo Phone  `json:"SecretNo"` // X, all of it
}

// Validate implements [Request].
func (r UnlockSecretNoRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r UnlockSecretNoRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r UnlockSecretNoRequest) describe(d *description) { d.secretNo(r.PoolKey, r.SecretNo) }

// secretNo is an X of a pool.
func (d *description) secretNo(poolKey string, x Phone) {
	d.requiredIdentifier("PoolKey", poolKey)
	d.required("SecretNo", string(x))
	d.dialable("SecretNo", x)
}
