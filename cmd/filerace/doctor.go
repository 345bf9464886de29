package main

import (
	"context"
	"fmt"

	"filerace/internal/hunt"
)

func doctorCommand(ctx context.Context, c *console, args []string) int {
	f := newFlags(c, "doctor", "", "Tries what filerace needs and says what to do about what does not work.")
	if stop, status := parse(c, f, args); stop {
		return status
	}
	if f.NArg() > 0 {
		return wrong(c, "doctor", "it takes no arguments")
	}
	status := exitClean
	for _, d := range hunt.Examine(ctx) {
		mark := "ok  "
		if !d.OK {
			mark = "FAIL"
			if d.Needed {
				status = exitFail
			} else {
				mark = "--  "
			}
		}
		fmt.Fprintf(c.out, "%s %-28s %s\n", mark, d.What, d.Found)
		if !d.OK && d.Do != "" {
			fmt.Fprintf(c.out, "     %s\n", d.Do)
		}
	}
	return status
}
