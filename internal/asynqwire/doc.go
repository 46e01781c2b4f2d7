// Package asynqwire is what this program knows of asynq v0.26 in Redis: its keys, its states, its
// messages, and what this program writes there, which is a type, a payload and an id for each
// delivery of a task.
package asynqwire
