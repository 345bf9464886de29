package main

import (
	"context"
	"fmt"
	"strings"

	"filerace/internal/race"
)

func rulesCommand(_ context.Context, c *console, args []string) int {
	f := newFlags(c, "rules", "[NAME]", "Lists the kinds of races that filerace knows, or tells all about one.")
	if stop, status := parse(c, f, args); stop {
		return status
	}
	switch f.NArg() {
	case 0:
		for _, r := range race.Rules {
			fmt.Fprintf(c.out, "%-22s %s\n", r.Name, r.Title)
		}
		return exitClean
	case 1:
	default:
		return wrong(c, "rules", "give one name at most")
	}
	r := race.Lookup(f.Arg(0))
	if r == nil {
		return wrong(c, "rules", fmt.Sprintf("there is no rule %q; `filerace rules` lists them", f.Arg(0)))
	}
	fmt.Fprintf(c.out, "%s: %s\n\n", r.Name, r.Title)
	section(c, "It fires when "+r.Fires)
	section(c, r.Harm)
	section(c, r.Safe)
	code(c, "Wrong", r.Wrong)
	code(c, "Right", r.Right)
	if r.Source != "" {
		section(c, "Source: "+r.Source)
	}
	return exitClean
}

// section prints a paragraph in lines of at most 100 columns.
func section(c *console, text string) {
	column := 0
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word))
		if column > 0 && column+1+n > 100 {
			fmt.Fprintln(c.out)
			column = 0
		}
		if column > 0 {
			fmt.Fprint(c.out, " ")
			column++
		}
		fmt.Fprint(c.out, word)
		column += n
	}
	fmt.Fprint(c.out, "\n\n")
}

func code(c *console, title, text string) {
	fmt.Fprintf(c.out, "%s:\n\n", title)
	for line := range strings.Lines(strings.Trim(text, "\n") + "\n") {
		fmt.Fprint(c.out, "    ", line)
	}
	fmt.Fprintln(c.out)
}
