// Package stack spares goroutines that live for a moment the steps in which their stack grows.
package stack

// size is about what performing a task, or sending a pipeline, takes up.
const size = 12 << 10

// Grow makes the stack of a goroutine that has just started as large as it is going to be. Go
// begins with some 2 KiB and doubles them in steps, each of which copies what is on it: where two
// goroutines or three serve each task, that cost a tenth of a busy worker's time. Measured. The
// argument may be anything, and so may what is returned: they keep the compiler from doing without
// the array.
//
//go:noinline
func Grow(i int) byte {
	var room [size]byte
	room[uint(i)%size] = 1
	return room[uint(i)/2%size]
}
