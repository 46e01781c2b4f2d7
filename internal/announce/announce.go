// Package announce tells workers which of asynq's queues have something to perform, so that they
// need not ask. Whoever puts a task into a queue publishes right behind it, in the same round trip.
// What is told is a hint: who hears nothing asks all the same, now and then.
package announce

import (
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const channel = "dypls:pending"

// Channel is what announcements of a queue are published on, and whether it is in the queue's slot
// of a cluster, where it comes right behind what it is about. Elsewhere it is the same for all
// queues of a database.
func Channel(client redis.UniversalClient, queue string) (name string, sharded bool) {
	if _, cluster := client.(*redis.ClusterClient); cluster {
		return channel + ":{" + queue + "}", true
	}
	return record.InDatabase(client, channel), false
}

// Announcement is what is published.
type Announcement struct {
	Channel string
	Message string
	Sharded bool
}

// Of announces a task of a queue: one that is to be performed, or one that is to wait until a time.
func Of(client redis.UniversalClient, queue string, until time.Time) Announcement {
	name, sharded := Channel(client, queue)
	message := queue
	if !until.IsZero() {
		message += " " + strconv.FormatInt(until.Unix(), 10)
	}
	return Announcement{Channel: name, Message: message, Sharded: sharded}
}

// Command is the command that publishes it.
func (a Announcement) Command() []any {
	if a.Sharded {
		return []any{"spublish", a.Channel, a.Message}
	}
	return []any{"publish", a.Channel, a.Message}
}

// Command is the command of [Of].
func Command(client redis.UniversalClient, queue string, until time.Time) []any {
	return Of(client, queue, until).Command()
}

// Read returns what an announcement says: the queue, and until when its task waits, the zero time
// for a task to be performed.
func Read(message string) (queue string, until time.Time) {
	queue, text, waits := strings.Cut(message, " ")
	if seconds, err := strconv.ParseInt(text, 10, 64); waits && err == nil {
		until = time.Unix(seconds, 0)
	}
	return queue, until
}
