// Package contender puts dyplsq and what it is compared with behind one interface: a worker as
// processes, and a producer that enqueues binds and is told what came of them. All do the same: one
// signed BindAxn call for a task, its answer kept for a day.
package contender
