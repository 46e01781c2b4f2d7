package dypls

// Request is one action's parameters: a flat struct whose JSON names are the API's own.
type Request interface {
	// Validate applies the rules that hold at any time and reports every problem at once, as a
	// *[ValidationError]. [ValidateAt] adds those that depend on the time.
	Validate() error

	// describe states each parameter once: its name, value and rule.
	describe(d *description)
}
