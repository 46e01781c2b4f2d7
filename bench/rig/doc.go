// Package rig holds what a measurement stands on: a Redis and a PostgreSQL of its own, a line with
// a delay, processes and what they use. Everything is on the loopback interface, and ends with the
// program that started it.
package rig
