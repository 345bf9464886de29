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
	out := section{title: "The demos: the first proven race", head: []string{"demo", "proven", "runs", "ms to find", "ms in all", "rule"}}
	for _, d := range demo.List {
		if !l.wanted("demos", d.Name) {
			continue
		}
		l.progress(d.Name)
		all, err := l.huntAgain(func(hunted, int) error { return nil }, "--", l.filerace, "demo", d.Name)
		if err != nil {
			out.broken = fmt.Errorf("%s: %w", d.Name, err)
			return out
		}
		out.row(d.Name, all.share(), all.runs.String(), all.find.String(), all.all.String(), all.rule)
	}
	out.note("`filerace hunt -- filerace demo NAME`, up to %d hunts with a seed of their own each, together at most %v a demo, on all cores. "+
		"Runs and ms to find: until the race was first seen; ms in all: until it was also proven by replays, minimised and saved.", l.hunts, l.perCase)
	return out
}
