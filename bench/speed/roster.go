package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
)

// choose picks the contenders that are asked for and that can be had.
func (b *bench) choose() error {
	all := []contender.Contender{
		contender.Ours(b.program), contender.Script(), contender.Tuned(), contender.River(),
		contender.Direct(),
	}
	for _, name := range b.settings.contenders {
		if !slices.ContainsFunc(all, func(c contender.Contender) bool {
			return strings.EqualFold(c.Name(), name)
		}) {
			return fmt.Errorf("-contender %s is not known", name)
		}
	}
	for _, c := range all {
		asked := len(b.settings.contenders) == 0 ||
			slices.ContainsFunc(b.settings.contenders, func(name string) bool {
				return strings.EqualFold(c.Name(), name)
			})
		if asked && (c.Name() != riverName || b.postgres != nil) {
			b.contenders = append(b.contenders, c)
		}
	}
	return nil
}

// among returns the contenders of these names, in this order in the first round, and each in its
// turn first in the next.
func (b *bench) among(round int, names ...string) []contender.Contender {
	var some []contender.Contender
	for _, name := range names {
		for _, c := range b.contenders {
			if c.Name() == name {
				some = append(some, c)
			}
		}
	}
	if len(some) == 0 {
		return nil
	}
	first := round % len(some)
	return append(slices.Clone(some[first:]), some[:first]...)
}

// The names of contenders.
const (
	oursName   = "dyplsq"
	scriptName = "script"
	tunedName  = "tuned"
	riverName  = "River"
	directName = "direct"
)
