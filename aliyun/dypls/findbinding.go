package dypls

import (
	"context"
	"slices"
	"time"
)

// clockSkew is how much earlier than the first call, by our clock, a binding may have been made by
// the API's, which tells it to the second.
const clockSkew = 5 * time.Second

// soughtBinding is the binding that a request makes, as far as the API shows it.
type soughtBinding struct {
	poolKey    string
	x, a       Phone
	b          Phone  // "": not named, so the platform may have invented one
	extension  string // "": not of this kind
	group      int64  // 0: not of this kind
	expiration Time
}

// look returns nil where the request does not name where to look. What a bind of the kind answers
// as Extension is up to the caller.
func (w soughtBinding) look(extension func(SubscriptionDetail) Phone) look[Binding] {
	if w.poolKey == "" || w.x == "" {
		return nil
	}
	return func(ctx context.Context, c Caller, since time.Time) (Sighting[Binding], error) {
		details, err := w.search(ctx, c, since.Add(-clockSkew))
		if err != nil {
			return Sighting[Binding]{}, err
		}
		seen := Sighting[Binding]{Finding: Absent}
		for i, d := range details {
			binding := Binding{SubsID: d.SubsID, SecretNo: w.x, Extension: extension(d)}
			if i == 0 {
				seen.Finding, seen.Res = Found, binding
			} else {
				seen.Surplus = append(seen.Surplus, binding)
			}
		}
		return seen, nil
	}
}

// search returns all that match, the oldest first.
func (w soughtBinding) search(
	ctx context.Context,
	c Caller,
	earliest time.Time,
) ([]SubscriptionDetail, error) {
	ids, err := subsIDsOn(ctx, c, w.poolKey, w.x)
	if err != nil {
		return nil, err
	}
	var matches []SubscriptionDetail
	for _, id := range slices.Backward(ids) { // what we look for is among the newest
		d, there, err := subscription(
			ctx,
			c,
			QuerySubscriptionDetailRequest{PoolKey: w.poolKey, SubsID: id, PhoneNoX: w.x},
		)
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		same, err := w.is(d, earliest)
		if err != nil {
			return nil, err
		}
		if same {
			d.SubsID = id
			matches = append(matches, d)
		} else if len(matches) > 0 && !d.GmtCreate.IsZero() && d.GmtCreate.Before(earliest) {
			// What is left is older still, as far as SubsIds ascend. Nothing says that they do, so only the
			// search for a surplus counts on it: none of it is an Absent.
			break
		}
	}
	slices.Reverse(matches)
	return matches, nil
}

// is reports whether a binding is the one. The API leaving out what would decide is an error: to
// take it for another binding could bind twice, to take it for ours could give away a stranger's.
func (w soughtBinding) is(d SubscriptionDetail, earliest time.Time) (bool, error) {
	undecided := false
	for _, trait := range []struct{ told, same bool }{
		{true, d.Status == SubscriptionActive},
		{d.PhoneNoA != "", d.PhoneNoA == w.a},
		{w.b == "" || d.PhoneNoB != "", w.b == "" || d.PhoneNoB == w.b},
		{w.extension == "" || d.Extension != "", w.extension == "" || string(d.Extension) == w.extension},
		{w.group == 0 || d.GroupID != 0, w.group == 0 || d.GroupID == w.group},
		{!d.ExpireDate.IsZero(), d.ExpireDate.Equal(At(w.expiration.Time).Time)},
		{!d.GmtCreate.IsZero(), !d.GmtCreate.Before(earliest)},
	} {
		if trait.told && !trait.same {
			return false, nil
		}
		undecided = undecided || !trait.told
	}
	if undecided {
		return false, QuerySubscriptionDetail.unusable(Answer{}, errIncomplete)
	}
	return true, nil
}
