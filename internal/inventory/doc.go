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
//	dypls:pools                   set    pools that have or had an inventory
//
// A and B stand here only as HMAC-SHA256, 16 bytes of it, under the pool's secret. X and the
// extension stand whole: they are what is handed out. The hash keeps people's numbers out of what
// is read by the way: MONITOR, the slow log, a dashboard, a listing, a copy of some keys. It does
// not keep them from who reads all of this Redis: the secret is there too, and there are few enough
// telephone numbers to try them all. Nor does it hide that two bindings on different X have the
// same A.
package inventory
