package watch

import "fmt"

// dropped is what was let go because there was more than is kept.
type dropped struct {
	n    uint64
	what string // "races"
	how  string // "forgotten"
	why  string
}

func (d dropped) String() string {
	return fmt.Sprintf("%s %s %s: %s", grouped(d.n), d.what, d.how, d.why)
}

// dropped lists what fell to the bounds so far.
func (w *watcher) dropped() (all []dropped) {
	add := func(d dropped) {
		if d.n > 0 {
			all = append(all, d)
		}
	}
	add(dropped{w.contention.forgot, "paths", "forgotten", fmt.Sprintf("more than %d at once", maxPaths)})
	add(dropped{w.tally.forgot, "races", "forgotten", fmt.Sprintf("more than %d at once", maxFindings)})
	add(dropped{uint64(w.judge.untold()), "findings", "left out", "too many different races were found before"})
	return all
}

// forgot tells what was dropped.
func (w *watcher) forgot() (all []string) {
	for _, d := range w.dropped() {
		all = append(all, d.String())
	}
	return all
}

// sayDropped says in a line of each kind of thing, once, that it begins to be dropped; how
// many there were is told at the end.
func (w *watcher) sayDropped() {
	for _, d := range w.dropped() {
		if !w.saidDropped[d.what] {
			w.saidDropped[d.what] = true
			w.say(fmt.Sprintf("from now on some %s are %s: %s", d.what, d.how, d.why))
		}
	}
}
