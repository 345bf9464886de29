package main

import (
	"fmt"

	"filerace/internal/demo"
)

func demoNames() (names []string) {
	for _, d := range demo.List {
		names = append(names, d.Name)
	}
	return names
}

// demos hunts every demo several times, each time with another seed.
func (l *lab) demos() section {
	out := section{title: "The demos: the first proven race", head: []string{"demo", "proven", "runs", "s to find", "s in all", "rule"}}
	for _, d := range demo.List {
		if !l.wanted("demos", d.Name) {
			continue
		}
		var all hunts
		for round := range huntRounds {
			h, err := l.hunt(l.perCase, round+1, "--", l.filerace, "demo", d.Name)
			if err != nil {
				out.broken = fmt.Errorf("%s: %w", d.Name, err)
				return out
			}
			all.add(h)
		}
		out.row(d.Name, all.share(), all.runs.String(), all.seconds.String(), all.all.String(), all.rule)
	}
	out.note("`filerace hunt -- filerace demo NAME`, %d hunts of at most %v each, on all cores, a seed of its own each. "+
		"Runs and seconds to find: until the race was first seen; s in all: until it was also proven by replays, minimised and saved.", huntRounds, l.perCase)
	return out
}
