// Package reseal walks over all that Redis keeps, counts which key sealed what, and seals anew what
// the active key did not seal.
//
// It knows no room's meaning: a sealed value stands in a field of a hash or of a stream's entry, or
// is all that a key holds, and [seal.Place] follows from where it stands. Only what is clear and
// should be sealed is a matter of the table in kinds.go. Numbers of an inventory, which stand in
// keys of many types, are sealed by the inventory.
//
// A value is replaced only where it is still what was read: whoever writes meanwhile wins. Nothing
// is remembered: a walk that was interrupted is made again, and finds less to do.
package reseal
