// Package inventory keeps the numbers (X) that a pool owns, and which task or binding holds which.
// Where a pool has an inventory, X is chosen before the bind is sent, so that every bind names X
// and one whose answer was lost can be looked up.
//
// In the order of use:
//
//	ReadNumbers, Import   a file's numbers, all or none; the same file again changes nothing
//	Has                   whether a pool has an inventory; cheap enough to ask before every bind
//	Lease                 an X for a task: the same one however often it asks. It is kept until the
//	                      task says what came of its bind
//	Settle                what came of a bind, by whichever way: Bound or Release
//	Bound                 the binding exists, with this SubsId until then: told before the task's success is
//	Release               there is no binding, and none can come any more: told after the task's
//	                      failure is; may set X aside
//	Prolong, Curtail      its expiry may become later, told before the call leaves; it provably did not
//	Update, Unbound       the binding changed, or is gone
//	Sweep                 frees what expired, as Lease does a little of each time
//	Unsettled             leases whose task may have ended without saying so: ask its record, then
//	                      Settle, or Forget where there is none
//	SetAside, Readmit, Remove, Counts   for the people who own the numbers
//	Seal, Check           with keys: makes the numbers of a pool unreadable, and tells whether they open
//
// # Rules
//
// A binding of AXN or AXG has its X alone. An X has at most 200 pairs of AXB at a time, and no A or
// B twice. Bindings of AXN with an extension share an X, each with an extension (100-999) of its
// own. An X that is in use for one of these three is used for no other. Where a caller names X
// itself, that is only written down: the service decides whether it can be, and nobody else is sent
// where it would collide.
//
// What a binding had rests when the binding ends, for the cooldown, so that nobody's old caller
// reaches a stranger, and what has rested longest is taken first. That is X where it was used
// alone. Where it was shared, A and B rest on that X, or the extension does, while X takes others
// of its kind meanwhile; for another use, X rests after its last binding.
//
// A lease has no expiry before its bind is settled: no crash and no silence frees an X that may be
// bound. A binding's lease ends with Unbound, or when the binding expires, on Redis' clock: who
// tells until when adds what other clocks may differ. A lease knows that from its beginning, so
// that a number whose task is forgotten is held as long as it can be bound.
//
// # Keys
//
// All of a pool is in one slot of a cluster, every key is literal in every script, and every script
// may be sent again when its reply was lost.
//
//	dypls:{pool:KEY}:numbers      hash   X -> use, leases, bound leases, end of its rest, why it is set aside, city
//	dypls:{pool:KEY}:idle         zset   X that nobody holds, by the end of its rest
//	dypls:{pool:KEY}:idle:city    zset   the same by text: city|end of its rest|X
//	dypls:{pool:KEY}:room         zset   X that takes more of its use, by text: use|city|X
//	dypls:{pool:KEY}:leases       hash   task, or task|SubsId for another binding of it -> X, use,
//	                                     extension, A, B, state, since, until, SubsId
//	dypls:{pool:KEY}:until        zset   tasks with a binding, by its expiry
//	dypls:{pool:KEY}:open         zset   tasks whose bind is not settled, by when they got X
//	dypls:{pool:KEY}:subs         hash   X|SubsId -> task
//	dypls:{pool:KEY}:slots        hash   X|A, X|B or X|extension -> leases; 0 while it rests
//	dypls:{pool:KEY}:rests        zset   slots by the end of their rest, and X that leave the inventory after it
//	dypls:{pool:KEY}:extensions   hash   X -> which of its extensions are taken
//	dypls:{pool:KEY}:counts       hash   idle, leased, bound, aside or leaving|city -> how many X
//	dypls:{pool:KEY}:cooldown     string how long numbers rest, for those who lease none
//	dypls:{pool:KEY}:secret       string the key of the hashes
//	dypls:{pool:KEY}:sealed       hash   handle -> X, sealed; of numbers that are named by a handle
//	dypls:{pool:KEY}:sealing      hash   while a pool is sealed: X -> who came onto it meanwhile, and with what;
//	                                     gone an hour after the last step
//	dypls:pools                   set    pools that have or had an inventory
//
// A and B stand here only as HMAC-SHA256, 16 bytes of it, under the pool's secret. X and the
// extension stand whole: they are what is handed out. The hash keeps people's numbers out of what
// is read by the way: MONITOR, the slow log, a dashboard, a listing, a copy of some keys. It does
// not keep them from who reads all of this Redis: the secret is there too, and there are few enough
// telephone numbers to try them all. Nor does it hide that two bindings on different X have the
// same A.
//
// # With keys
//
// Where there are keys ([Inventory.WithKeys]), each X is named by a handle in every key above: "x"
// and 16 bytes of an HMAC of pool and number, under the hash key of the keys. A and B are hashed
// once more in the same way. X itself stands once, sealed, in sealed. So who reads all of Redis,
// and has no keys, learns no number: there are few enough of them to try them all, and the key
// without which nobody can try is not in Redis. Who has the hash key, and Redis, can. What still
// shows: how many numbers there are, in which city, and how each is used; extensions, which tell
// nobody without X; that two bindings of one pool have the same A; and when.
//
// A pool that had numbers before there were keys keeps them in clear until Seal. Until then who
// has no keys can use it, and who has them does as well. During Seal some numbers have handles and
// some have not: the scripts are told both names of an X, and take the one that it has; once all
// have one, they are told handles alone, so that no number shows in MONITOR and the slow log. Each
// number is sealed in one step, by a script, with its leases, slots and rests. Which these are has
// to be read first, and takes a while: what comes onto the number meanwhile is noted in sealing,
// and the script refuses to seal a number before it is told all of that. From the beginning of
// Seal on, who has no keys is refused ([ErrSealed]).
//
// Where a number does not open, its task keeps it: nobody else gets it, and the task asks again
// ([UnreadableError]). Importing the number again seals it anew.
package inventory
