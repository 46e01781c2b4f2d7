// Package dyplstest is a simulator of Alibaba Cloud's number-privacy service (号码隐私保护, API
// Dyplsapi, version 2017-05-25), for tests: it speaks the real protocol, so that an official
// SDK, or any other client, talks to it unmodified.
//
// Of the API's actions it has those that [Actions] names: the four binds, and batches of one of
// them; unbind, update, the two queries of bindings; the links to recordings, and transcripts;
// groups; and what a number is, whether it is locked, and how many are for sale. The API's other
// actions are answered with [NotSimulated], what no API has with the gateway's
// InvalidAction.NotFound. Answers are JSON, whatever a client would like; XML, bearer tokens and
// signatures with SM3 are not there.
//
// It places calls on bindings, when a test asks it to ([Simulator.PlaceCall]), and makes the
// receipts that the service makes of a call. [Receipts] has them pushed as the service does it:
// within 700 ms, again after 1, 5 and 10 minutes, then never; some twice, late or out of order.
// What became of each is in [Simulator.Receipts]. Or they wait in queues, which are fetched as
// those of the message service (MNS, now SMQ): BatchReceiveMessage, ReceiveMessage, DeleteMessage
// and BatchDeleteMessage with a token of QueryTokenForMnsQueue, signed by version 2 of its
// signature, and no other call of it. Recordings are small files of noise in MPEG frames, served by
// links that expire, as by OSS.
//
// It is not the real service. It lives in memory and forgets everything when it ends, binds no
// number of any carrier, and lets nobody speak. What the API's pages leave open is decided here in
// one way among several; each such place says so.
//
// A test starts it on a free loopback port, and points its client there:
//
//	sim := dyplstest.Start(t, dyplstest.Config{})
//	endpoint, id, secret := sim.URL(), sim.AccessKeyID, sim.AccessKeySecret // for the client under test
//
// Every request is authenticated as the gateway does it: ACS3-HMAC-SHA256 in headers or HMAC-SHA1
// in parameters, a nonce only once, a date at most 15 minutes off; a temporary key brings its STS
// token. A [Config] names the pools, the quotas and the credentials; its zero value has one pool,
// [DefaultPoolKey], with 100 numbers.
//
// What goes wrong in production goes wrong here by rule, a [Fault]: a code answered some times, a
// connection dropped before or after the action was performed, garbage, a hang, a slow answer.
//
// What was really done, whatever the client was told, stands in the [Simulator.Ledger], and what is
// bound now in [Simulator.Bindings]. Other processes read the ledger through
// [Simulator.LedgerHandler], and place calls through [Simulator.CallsHandler].
package dyplstest
