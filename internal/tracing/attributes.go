package tracing

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// The attributes that OpenTelemetry has no name for. docs/traces.md has a table of them.
const (
	Account   = attribute.Key("dyplsq.account")
	Action    = attribute.Key("dyplsq.action")
	Attempt   = attribute.Key("dyplsq.attempt")
	Call      = attribute.Key("dyplsq.call")
	CallID    = attribute.Key("dyplsq.call_id")
	Class     = attribute.Key("dyplsq.class")
	Code      = attribute.Key("dyplsq.code")
	Endpoint  = attribute.Key("dyplsq.endpoint")
	Finding   = attribute.Key("dyplsq.finding")
	Pool      = attribute.Key("dyplsq.pool_key")
	QuotaWait = attribute.Key("dyplsq.quota_wait")
	Receipt   = attribute.Key("dyplsq.receipt")
	RequestID = attribute.Key("dyplsq.request_id")
	Result    = attribute.Key("dyplsq.result")
	Size      = attribute.Key("dyplsq.recording.size")
	State     = attribute.Key("dyplsq.state")
	SubsID    = attribute.Key("dyplsq.subs_id")
	Webhook   = attribute.Key("dyplsq.webhook_id")
)

// System is what spans say of the queue: a task's record is this module's, and asynq only delivers
// it.
var System = semconv.MessagingSystemKey.String("dyplsq")

// What is done with a task, as a span's name has it.
const (
	Send    = "send"
	Process = "process"
)

// Operation says what is done with a task.
func Operation(name string) []attribute.KeyValue {
	return []attribute.KeyValue{
		System,
		semconv.MessagingOperationName(name),
		semconv.MessagingOperationTypeKey.String(name),
	}
}

// Task is the attribute of a task's id. Producers write numbers into their ids, too.
func Task(id string) attribute.KeyValue {
	return semconv.MessagingMessageID(dypls.Parameter{Value: id}.Masked())
}

// Queue is the attribute of the queue that has a task.
func Queue(name string) attribute.KeyValue { return semconv.MessagingDestinationName(name) }

// OfCall are the attributes of a call, of which id and task are as people may see them.
func OfCall(id, task, account, pool, binding string) []attribute.KeyValue {
	return []attribute.KeyValue{
		CallID.String(id), semconv.MessagingMessageID(task), Account.String(account), Pool.String(pool),
		SubsID.String(binding),
	}
}
