package watch

import (
	"slices"
	"testing"
)

func TestDroppingIsSaidOnce(t *testing.T) {
	var said []string
	w := newWatcher(t.Context(), newScripted(), Options{Say: func(text string) { said = append(said, text) }}, writerFunc(nil))
	defer w.sink.close(t.Context())
	w.sayDropped()
	w.contention.forgot, w.tally.forgot = 3, 1000
	w.sayDropped()
	w.contention.forgot = 5
	w.sayDropped()
	want := []string{"from now on some paths are forgotten: more than 16384 at once", "from now on some races are forgotten: more than 10000 at once"}
	if !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	if got := w.forgot(); !slices.Equal(got, []string{"5 paths forgotten: more than 16384 at once", "1 000 races forgotten: more than 10000 at once"}) {
		t.Errorf("at the end %q", got)
	}
}
