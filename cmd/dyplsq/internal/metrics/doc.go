// Package metrics counts what a worker does and shows it to Prometheus, with what Redis knows of
// its queues and inventories.
//
// Every label has few values: actions, queues and classes are ours, a code that our table does not
// have is "other", and pools are cut off at a number. No label holds a phone number or an id.
package metrics
