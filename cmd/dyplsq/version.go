package main

import (
	"cmp"
	"fmt"
	"runtime/debug"
)

// version is set by the release build; a build from a checkout says what Go recorded.
var version string

type versionCommand struct{}

// Run prints the version, and the toolchain and revision it was built from.
func (versionCommand) Run(s streams) error {
	info, _ := debug.ReadBuildInfo()
	text := version
	if info != nil {
		text = cmp.Or(text, info.Main.Version)
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				text += " " + setting.Value
			}
		}
		text += " " + info.GoVersion
	}
	_, err := fmt.Fprintln(s.out, "dyplsq", text)
	return err
}
