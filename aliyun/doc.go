// Package aliyun calls Alibaba Cloud's number-privacy API (Dyplsapi, version 2017-05-25) over
// HTTPS: one call is one attempt, one attempt is at most one signed request, and its outcome says
// what is known about it.
//
// A client takes its credentials from Alibaba's default chain, unless it is given others:
//
//	client, err := aliyun.New(aliyun.Config{})
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//
// [Client.CheckCredentials] tells at start whether there are any:
//
//	if err := client.CheckCredentials(ctx); errors.Is(err, aliyun.ErrNoCredentials) {
//		return err // nothing is configured; any other error is a source out of reach for now
//	}
//
// The client carries the operations of package dypls:
//
//	binding, err := dypls.BindAXN.Call(ctx, client, request)
//
// # One attempt
//
// Nothing is ever sent again from here: no retry, no redirect, no second connection once a byte has
// left. Who calls decides what to do next, and each failure says what is known:
//
//   - not sent ([dypls.CodeNotSent]): proven; no byte of the request was handed to a connection
//     that could deliver it. The connection was refused, no connection came free in time, the
//     context was done, there were no credentials, or the call was older than two seconds when its
//     first byte was about to leave.
//   - answered: the API returned a complete JSON object with a Code. It is an answer whatever the
//     Code and the HTTP status.
//   - no answer ([dypls.CodeNoAnswer]): a byte may have left and nothing usable came back.
//     For a call that changes something, whether it did is unknown.
//
// A context ends a call that has not left yet. It does not end a call that changes something once
// its first byte may have left, because that would turn an answer into a doubt: such a call ends
// with its answer, or at [Config.Timeout].
//
// # What is never shown
//
// Errors, and every formatting verb on [Config], [Client] and [Credential], are free of telephone
// numbers, secrets, tokens and URLs' queries.
package aliyun
