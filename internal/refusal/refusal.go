// Package refusal knows what it means that Redis answers and does not do what it is asked: by
// meaning, whoever put the reply into other words. It is the only place that looks at the text of a
// reply for that.
package refusal

import (
	"errors"
	"regexp"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Of tells which refusal an error is, if it is one.
func Of(err error) (Refusal, bool) {
	if err == nil {
		return Refusal{}, false
	}
	if refusal, is := errors.AsType[Refusal](err); is {
		return refusal, true
	}
	text, answered := Reply(err)
	if !answered {
		return Refusal{}, false
	}
	return OfReply(text)
}

// Lasts reports whether an error is a refusal that waiting alone does not mend. A cluster's client
// follows a slot that moves, and is told so while it does.
func Lasts(client redis.UniversalClient, err error) bool {
	refused, is := Of(err)
	_, follows := client.(*redis.ClusterClient)
	moves := refused.Code == "MOVED" || refused.Code == "ASK"
	return is && refused.Lasting && (!moves || !follows)
}

// The words in which asynq puts an error of Redis. The first leaves nothing of it but its text.
const (
	asynqScript  = "redis eval error: "
	asynqCommand = "redis command error: "
)

// Reply is the reply of Redis that an error is, or holds. That there is no such key, and no such
// script yet, is an answer as well, and no refusal.
func Reply(err error) (text string, is bool) {
	if err == nil || errors.Is(err, redis.Nil) {
		return "", false
	}
	if reply, answered := errors.AsType[redis.Error](err); answered {
		text = reply.Error()
	} else if _, reply, asynqs := strings.Cut(err.Error(), asynqScript); asynqs {
		text = reply
	} else {
		return "", false
	}
	return text, !strings.HasPrefix(text, "NOSCRIPT") && !strings.HasPrefix(text, "redis: ")
}

// Cause leaves out the words that asynq puts around an error of Redis.
func Cause(err error) error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.HasPrefix(e.Error(), asynqCommand) && errors.Unwrap(e) != nil {
			return errors.Unwrap(e)
		}
	}
	if _, text, asynqs := strings.Cut(err.Error(), asynqScript); asynqs {
		return worded{err, text}
	}
	return err
}

// Told tells whether a line of asynq's log says that Redis refuses.
func Told(line string) bool {
	for _, words := range []string{asynqScript, " failed: "} {
		if _, reply, is := strings.Cut(line, words); is {
			if _, refused := OfReply(reply); refused {
				return true
			}
		}
	}
	return false
}

// worded is an error in other words.
type worded struct {
	error
	text string
}

func (w worded) Error() string { return w.text }

func (w worded) Unwrap() error { return w.error }

// coded finds the code of a reply: at its beginning, behind the ERR that a proxy puts in front, or
// behind what Redis 6 says of the script in which it happened ("ERR Error running script (...):
// @user_script:1: -READONLY You can't write ...").
var coded = regexp.MustCompile(
	`^(?:-?ERR )?-?(?:Error running script .*?: -?)?([A-Z]{3,})(?: |$)|(?:[\s(]-|: )([A-Z]{3,}) `,
)

// OfReply tells which refusal a reply is, if it is one.
func OfReply(text string) (Refusal, bool) {
	words := strings.TrimPrefix(strings.TrimPrefix(text, "-"), "ERR ")
	for _, row := range byWords {
		if len(words) >= len(row.words) && strings.EqualFold(words[:len(row.words)], row.words) {
			return row.is, true
		}
	}
	for _, found := range coded.FindAllStringSubmatch(text, -1) {
		for _, code := range found[1:] {
			if refusal, known := byCode[code]; known {
				return refusal, true
			}
		}
	}
	return Refusal{}, false
}

// WrongServer tells whether a connection that an error came over leads to a server which another
// one may not lead to: a master that was demoted, or one that was started anew.
func WrongServer(err error) bool {
	refusal, is := Of(err)
	return is && refusal.WrongServer
}

// manySlots is how a cluster's node, and proxies in front of one, put it that the keys of a script
// are in several slots.
var manySlots = regexp.MustCompile(
	`(?i)\bCROSSSLOT\b|must be in (?:the )?same slot|^(?:ERR )?bad lua script for redis cluster`,
)

// ManySlots tells whether an error says that this Redis has slots, and runs no script on keys of
// several.
func ManySlots(err error) bool {
	text, answered := Reply(err)
	return answered && manySlots.MatchString(text)
}
