package dyplstest

import "time"

// nonceAge is how long a nonce is remembered: a request dated 15 minutes ahead can be replayed for
// 30.
const nonceAge = 2*maxSkew + time.Minute

// nonces remembers which nonces were used, in two generations, so that old ones go without being
// looked for.
type nonces struct {
	since         time.Time // start of the current generation
	current, last map[string]struct{}
}

// use reports whether a key's nonce is new.
func (n *nonces) use(keyID, nonce string, now time.Time) bool {
	if n.current == nil || now.Sub(n.since) >= nonceAge {
		stale := n.current == nil || now.Sub(n.since) >= 2*nonceAge
		n.last, n.current, n.since = n.current, map[string]struct{}{}, now
		if stale {
			n.last = nil
		}
	}
	key := keyID + " " + nonce
	if _, used := n.current[key]; used {
		return false
	}
	if _, used := n.last[key]; used {
		return false
	}
	n.current[key] = struct{}{}
	return true
}
