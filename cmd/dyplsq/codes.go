package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

type codesCommand struct {
	JSON bool `help:"Print one JSON object a line." name:"json"`
}

// Run prints the table of codes.
func (c *codesCommand) Run(s streams) error {
	if c.JSON {
		encoder := json.NewEncoder(s.out)
		encoder.SetEscapeHTML(false)
		for _, code := range dypls.Codes() {
			if err := encoder.Encode(code); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(
		table,
		"CODE\tLAYER\tCLASS\tSCOPE\tMAY HAVE RUN\t中文\tENGLISH\tWHAT IS DONE\tWHY",
	)
	for _, code := range dypls.Codes() {
		mayHaveRun := "no"
		if code.MayHaveRun {
			mayHaveRun = "yes"
		}
		_, _ = fmt.Fprintf(
			table,
			"%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			code.Code,
			code.Layer,
			code.Class,
			code.Scope,
			mayHaveRun,
			code.Chinese,
			code.English,
			code.Does,
			code.Why,
		)
	}
	return table.Flush()
}
