package dypls

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// subsIDsOn lists the bindings on an X, the lowest SubsId first.
func subsIDsOn(ctx context.Context, c Caller, poolKey string, x Phone) ([]string, error) {
	list, err := QuerySubsID.Call(ctx, c, QuerySubsIDRequest{PoolKey: poolKey, PhoneNoX: x})
	if err != nil {
		return nil, err
	}
	ids := list.List()
	if slices.ContainsFunc(ids, func(id string) bool { return !isDigits(id) }) {
		// Not the list that is documented: read wrongly, it would hide a binding.
		return nil, QuerySubsID.unusable(Answer{}, errIncomplete)
	}
	slices.SortFunc(
		ids,
		func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) },
	)
	return slices.Compact(ids), nil
}

// subscription returns a binding, or that there is none.
func subscription(
	ctx context.Context,
	c Caller,
	req QuerySubscriptionDetailRequest,
) (d SubscriptionDetail, there bool, err error) {
	d, err = QuerySubscriptionDetail.Call(ctx, c, req)
	if isGone(err) {
		return SubscriptionDetail{}, false, nil
	}
	return d, err == nil, err
}

// isGone reports whether a call failed because its binding is not there.
func isGone(err error) bool {
	failure, is := errors.AsType[*Error](err)
	return is && failure.NotExist()
}

// groupNumber returns a GroupId as QuerySubscriptionDetail shows it: 0 where it cannot.
func groupNumber(id string) int64 {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 0 || !isDigits(id) {
		return 0
	}
	return n
}
