package refusal

// Refusal is one way in which a Redis that answers does not do what it is asked.
type Refusal struct { //nolint:errname // it is what it is called; an error by the way
	Code   string // Redis' own word for it, where it has one
	Says   string // what is wrong with which server or setting
	Remedy string
	// Lasting: waiting alone mends nothing. Somebody has to change a setting.
	Lasting bool
	// WrongServer: the connection leads to a server that another connection to the same address may
	// not lead to.
	WrongServer bool
}

// Error says what is wrong and what to do, and nothing of what was asked or answered: both may hold
// a number or a password.
func (r Refusal) Error() string { return r.Says + " (" + r.Code + "): " + r.Remedy }

const (
	atTheMaster = "point REDIS_URL at the master, or at its Sentinels with redis-sentinel://HOST:26379/0?master=NAME"
	asACluster  = "set REDIS_CLUSTER_NODES to nodes of the cluster, as host:port,host:port, and leave the database out of REDIS_URL"
	// Encode is how a special character gets into a URL.
	Encode = "percent-encode special characters of user and password (% is %25, # is %23, / is %2F, ? is %3F, @ is %40)"
)

// Full is that Redis has no memory left.
const Full = "OOM"

// byCode are the refusals that a reply names by its code.
var byCode = table(
	Refusal{Code: "READONLY", WrongServer: true, Says: "this Redis is a replica, which takes no writes", Remedy: atTheMaster},
	Refusal{Code: "MASTERDOWN", WrongServer: true, Says: "this Redis is a replica that has lost its master", Remedy: atTheMaster},
	Refusal{
		Code: "LOADING", WrongServer: true, Says: "this Redis is still loading its data",
		Remedy: "wait until it is done; its log says how far it is",
	},
	Refusal{
		Code: "CLUSTERDOWN", Says: "the Redis cluster is down, or no master has some of its slots",
		Remedy: "start its nodes, or assign the slots; redis-cli --cluster check tells which",
	},
	Refusal{Code: "TRYAGAIN", Says: "a slot of the Redis cluster is being moved", Remedy: "wait until the move is over"},
	Refusal{Code: "MOVED", Lasting: true, Says: "this Redis is a node of a cluster, and was asked as a single server", Remedy: asACluster},
	Refusal{Code: "ASK", Lasting: true, Says: "this Redis is a node of a cluster, and was asked as a single server", Remedy: asACluster},
	Refusal{
		Code: "WRONGPASS", Lasting: true, Says: "Redis does not know this user with this password, or the user is disabled",
		Remedy: "mend user and password in REDIS_URL, as redis://USER:PASSWORD@HOST, and " + Encode,
	},
	Refusal{ //nolint:gosec // how to write a password, and none
		Code: "NOAUTH", Lasting: true, Says: "Redis wants a password, and the URL gives none",
		Remedy: "write redis://:PASSWORD@HOST, with the colon in front of the password, or redis://USER:PASSWORD@HOST",
	},
	Refusal{
		Code: "NOPERM", Lasting: true, Says: "the user of REDIS_URL may not do that",
		Remedy: "give it the rule of docs/redis.md, with ACL SETUSER",
	},
	Refusal{
		Code: "DENIED", Lasting: true, Says: "Redis is in protected mode, and lets no other machine in",
		Remedy: "set a password on the server, with requirepass or an ACL, and write it into REDIS_URL",
	},
	Refusal{
		Code: "MISCONF", Says: "Redis cannot save to its disk, and takes no writes until it can",
		Remedy: "free space on its disk or mend the disk; its log says what failed",
	},
	Refusal{
		Code: Full, Says: "Redis has no memory left for writing",
		Remedy: "raise its maxmemory, then do this again under the same key, which doubles nothing; a part may be queued already",
	},
	Refusal{
		Code: "NOREPLICAS", Says: "too few replicas follow this Redis for it to take writes",
		Remedy: "start its replicas, or lower min-replicas-to-write",
	},
	Refusal{
		Code: "BUSY", Says: "Redis is busy with a script that takes too long",
		Remedy: "end the script with SCRIPT KILL",
	},
)

// byWords are the refusals that have no code: their replies begin with ERR, and with these words.
var byWords = []struct {
	words string
	is    Refusal
}{
	{"max number of clients", Refusal{
		Code: "max number of clients reached", Says: "Redis serves as many clients as it may",
		Remedy: "raise its maxclients, or let fewer connect: pool_size in REDIS_URL, and processes",
	}},
	{"DB index is out of range", Refusal{
		Code: "DB index is out of range", Lasting: true, Says: "Redis has no database of this number",
		Remedy: "lower the number at the end of REDIS_URL, or raise the server's databases",
	}},
	{"invalid DB index", Refusal{
		Code: "invalid DB index", Lasting: true, Says: "Redis has no database of this number",
		Remedy: "mend the number at the end of REDIS_URL",
	}},
	{"SELECT is not allowed in cluster mode", Refusal{
		Code: "SELECT is not allowed in cluster mode", Lasting: true, Says: "this Redis is a node of a cluster, which has the database 0 alone",
		Remedy: asACluster,
	}},
	{"invalid password", Refusal{
		Code: "invalid password", Lasting: true, Says: "Redis does not know this password",
		Remedy: "mend the password in REDIS_URL, as redis://:PASSWORD@HOST, and " + Encode,
	}},
	{"AUTH <password> called without any password configured", errNoPassword},
	{"Client sent AUTH, but no password is set", errNoPassword},
	{"unknown command", Refusal{
		Code: "unknown command", Lasting: true, Says: "this server lacks a command that is needed: it is a Sentinel, or no Redis of 6.2 or newer",
		Remedy: "for Sentinels write redis-sentinel://HOST:26379/0?master=NAME; otherwise use another Redis, or allow the command",
	}},
	{"bad lua script for redis cluster", Refusal{
		Code: "bad lua script for redis cluster", Lasting: true, Says: "the proxy of this Redis refuses asynq's scripts",
		Remedy: "set script_check_enable to 0 among the instance's parameters",
	}},
}

var errNoPassword = Refusal{
	Code: "no password is set", Lasting: true, Says: "REDIS_URL has a password, and this Redis none",
	Remedy: "take it out of REDIS_URL, or set it on the server",
}

// ErrUnknownMaster is that Sentinels answer, and know no master of the name.
var ErrUnknownMaster = Refusal{
	Code: "unknown master", Lasting: true, Says: "the Sentinels know no master of the name in the Redis URL",
	Remedy: "write the name after sentinel monitor in their configuration into ?master=NAME",
}

func table(refusals ...Refusal) map[string]Refusal {
	byCode := make(map[string]Refusal, len(refusals))
	for _, r := range refusals {
		byCode[r.Code] = r
	}
	return byCode
}
