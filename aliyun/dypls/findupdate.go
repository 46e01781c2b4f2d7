package dypls

import (
	"context"
	"time"
)

// look compares the binding with what the update sets. An update leaves no mark of its own: when it
// was made, and by whom, does not show.
func (r UpdateSubscriptionRequest) look() look[Update] {
	inEffect := r.inEffect()
	if inEffect == nil {
		return nil
	}
	return func(ctx context.Context, c Caller, _ time.Time) (Sighting[Update], error) {
		d, there, err := subscription(ctx, c, QuerySubscriptionDetailRequest{
			PoolKey: r.PoolKey, ProductType: r.ProductType, SubsID: r.SubsID, PhoneNoX: r.PhoneNoX,
		})
		switch {
		case err != nil:
			return Sighting[Update]{}, err
		case there && inEffect(d):
			return Sighting[Update]{Finding: Found}, nil
		}
		return Sighting[Update]{Finding: Absent}, nil
	}
}

// inEffect returns how to tell from a binding that the update is in effect; nil where the API does
// not show what it sets.
func (r UpdateSubscriptionRequest) inEffect() func(SubscriptionDetail) bool {
	switch r.OperateType {
	case UpdateNoA:
		return func(d SubscriptionDetail) bool { return d.PhoneNoA == r.PhoneNoA }
	case UpdateNoB:
		return func(d SubscriptionDetail) bool { return d.PhoneNoB == r.PhoneNoB }
	case UpdateExpire:
		return func(d SubscriptionDetail) bool { return d.ExpireDate.Equal(At(r.Expiration.Time).Time) }
	case UpdateAXGGroup:
		if group := groupNumber(r.GroupID); group != 0 {
			return func(d SubscriptionDetail) bool { return d.GroupID == group }
		}
	case UpdateCallRestrict:
		return func(d SubscriptionDetail) bool {
			return unrestricted(d.CallRestrict) == unrestricted(r.CallRestrict)
		}
	case UpdateIsRecordingEnabled:
		if want := r.IsRecordingEnabled; want != nil {
			return func(d SubscriptionDetail) bool { return d.NeedRecord == *want }
		}
	case UpdateASR:
		if want := r.ASRStatus; want != nil {
			return func(d SubscriptionDetail) bool {
				// The model of what is switched off is of no effect.
				return d.ASRStatus == *want && (!*want || d.ASRModelID == r.ASRModelID)
			}
		}
	}
	return nil // OutId and CallDisplayType, which it keeps to itself
}

// unrestricted accounts for the value that lifts a restriction: afterwards there is none.
func unrestricted(restrict string) string {
	if restrict == ControlClearDisable {
		return ""
	}
	return restrict
}
