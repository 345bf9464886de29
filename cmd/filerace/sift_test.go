package main

import (
	"context"
	"errors"
	"io"
	"reflect"
	"testing"

	"filerace/internal/race"
	"filerace/internal/report"
)

// sameSifted checks that what is left out of a recorded run tells nothing of races: the same are found in
// all of it, and told with the same steps.
func sameSifted(t *testing.T, recording string) {
	t.Helper()
	all, older := findingsIn(t, recording, false)
	sifted, olderSifted := findingsIn(t, recording, true)
	if len(all) != len(sifted) || older != olderSifted {
		t.Errorf("%s: %d findings, %d steps not kept, and %d, %d of what is sifted", recording, len(all), older, len(sifted), olderSifted)
		return
	}
	for i := range all {
		a, b := all[i], sifted[i]
		if a.Rule != b.Rule || a.Evidence != b.Evidence || a.Headline != b.Headline || a.Why != b.Why || a.Path != b.Path ||
			!reflect.DeepEqual(a.Marks, b.Marks) || !reflect.DeepEqual(a.Actors, b.Actors) {
			t.Errorf("%s:\n%+v\n, and of what is sifted\n%+v", recording, a.Finding, b.Finding)
		}
	}
}

func findingsIn(t *testing.T, recording string, sift bool) (found []report.Found, older int) {
	t.Helper()
	a := &analysis{stream: race.NewStream(nil)}
	if err := a.open([]string{recording}); err != nil {
		t.Fatal(err)
	}
	defer a.source.Close()
	if sift && !a.sift(context.Background()) {
		t.Fatalf("%s: it is too coarse to be sifted", recording)
	}
	if err := a.takeAll(context.Background()); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return a.found(race.End{All: true, Failed: true})
}
