package main

import (
	"context"
	"fmt"

	"filerace/internal/demo"
)

func demoCommand(_ context.Context, c *console, args []string) int {
	f := newFlags(c, "demo", "[--list] [NAME [--safe] [flags]]", "Small racy programs to try filerace on, each with a safe variant:\n\n    filerace hunt -- filerace demo counter")
	list := f.Bool("list", false, "the names, one a line")
	if stop, status := parse(c, f, args); stop {
		return status
	}
	if *list {
		for _, d := range demo.List {
			fmt.Fprintln(c.out, d.Name)
		}
		return exitClean
	}
	if f.NArg() == 0 {
		for _, d := range demo.List {
			fmt.Fprintf(c.out, "%-18s %s (%s)\n", d.Name, d.Title, d.Rule)
		}
		return exitClean
	}
	return demo.Main(f.Arg(0), f.Args()[1:], c.out, c.err)
}
