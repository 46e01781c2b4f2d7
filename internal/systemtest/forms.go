package systemtest

import "os"

// WholeFaults tells whether tests of faults run whole; make faults sets the variable. Without it,
// what takes long is left out.
func WholeFaults() bool { return os.Getenv("DYPLSQ_FAULTS") != "" }

// WholeScale tells whether tests of scale run whole; make scale sets the variable. Without it they
// are short.
func WholeScale() bool { return os.Getenv("DYPLSQ_SCALE") != "" }
