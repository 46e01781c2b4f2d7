package inventory

// Kind is what a binding needs of its X. It stands so in Redis.
type Kind string

// The kinds.
const (
	Alone     Kind = "one"  // BindAxn, BindAxg: X is for one binding
	Pair      Kind = "pair" // BindAxb: X knows neither A nor B yet, and has fewer than 200 pairs
	Extension Kind = "ext"  // BindAxnExtension: X with an extension that is free
)

// Mixed is the kind of an X that callers named for another use while it was in use or rested. None
// is wanted for that.
const Mixed Kind = "mixed"

func (k Kind) valid() bool { return k == Alone || k == Pair || k == Extension }

// hashed returns A and B where they decide which X will do; elsewhere they are not kept at all.
func hashed[T ~string](k Kind, a, b T) (T, T) {
	if k != Pair {
		return "", ""
	}
	return a, b
}

// extension returns it where it means something: in the answer of other binds its place holds a
// real number.
func (k Kind) extension(e string) string {
	if k != Extension {
		return ""
	}
	return e
}
