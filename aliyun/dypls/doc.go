// Package dypls is the vocabulary of Alibaba Cloud's number-privacy service (号码隐私保护, API
// Dyplsapi, version 2017-05-25): its operations, their requests and responses, its times and
// numbers, and what its error codes mean. It does no I/O.
//
// An operation is a value. Given something that can send a signed request, it is performed now:
//
//	binding, err := dypls.BindAXN.Call(ctx, client, dypls.BindAXNRequest{
//		PoolKey:    "FC100000000001",
//		PhoneNoA:   "15000000000",
//		Expiration: dypls.At(time.Now().Add(time.Hour)),
//	})
//
// Package tasks performs the binds, unbinds, updates and look-ups of recordings later, through a
// queue. All others are called directly alone: the state of numbers, the groups of AXG bindings,
// the batch of binds, transcripts and links that last.
//
// A request is checked before anything is sent, and every problem is reported at once, as a
// [ValidationError]. A call that fails returns an [Error] whose [Class] says what that means; the
// table behind it is [Codes].
//
// Telephone numbers ([Phone]) and links to recordings ([SignedURL]) print masked, so that they
// reach no log by accident.
package dypls
