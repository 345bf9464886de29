package main

import (
	"testing"
	"time"

	"filerace/internal/watch"
)

// What a watch says at its end is understood.
func TestSighted(t *testing.T) {
	sum := watch.Summary{Elapsed: 7 * time.Second, Events: 1_000_002, Lost: 31_204, Observed: 2}
	got, err := parseSighted("filerace watch: " + sum.String())
	if want := (sighted{seen: 1_000_002, lost: 31_204}); err != nil || got != want {
		t.Errorf("%+v, want %+v; %v", got, want, err)
	}
	if _, err := parseSighted("filerace watch: cannot watch"); err == nil {
		t.Error("an error was taken for a summary")
	}
}
