package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// build is a build of this module with nothing in the cache.
type build struct {
	l       *lab
	module  string // its directory
	what    string // the package
	n       int    // builds so far
	sighted        // of the last one that was watched
}

// building measures what a real build costs while somebody looks on.
func (l *lab) building() section {
	out := section{title: "Watching a build of filerace with a cold cache (goal 1.02)", head: []string{"way", "times bare", "seconds"}}
	b := &build{l: l, what: l.builtPackage()}
	if b.module, out.broken = os.Getwd(); out.broken != nil {
		return out
	}
	ways := []way{
		{plain, func([]string, int) (answer, error) { return b.run(false) }},
		{"filerace watch", func([]string, int) (answer, error) { return b.run(true) }},
	}
	rounds := l.rounds
	l.rounds = min(rounds, 3)
	defer func() { l.rounds = rounds }()
	l.sideBySide(&out, ways, func(w way) (float64, error) {
		l.progress("build, " + w.name)
		a, err := w.run(nil, 1)
		return a.Elapsed.Seconds(), err
	})
	out.note("go build %s. The last watched build: %d events seen, %d lost; the watch itself took %.1f s of the processors.", b.what, b.seen, b.lost, b.took.Seconds())
	return out
}

// builtPackage is what is built where a real build is measured.
func (l *lab) builtPackage() string {
	if l.quick {
		return "errors"
	}
	return "./cmd/filerace"
}

// run builds once, with a cache of its own that is removed again. The shell waits until
// the watching has begun.
func (b *build) run(watched bool) (a answer, err error) {
	b.n++
	cache := filepath.Join(b.l.dir, fmt.Sprintf("cache-%d", b.n))
	defer os.RemoveAll(cache)
	cmd := b.l.command(b.l.ctx, b.module, "sh", "-c", `read x; exec go build -o /dev/null "$0"`, b.what)
	cmd.Env = append(os.Environ(), "GOCACHE="+cache)
	var said strings.Builder
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return a, err
	}
	if err := cmd.Start(); err != nil {
		return a, err
	}
	var w *onLooking
	if watched {
		if w, err = b.l.watch(cmd.Process.Pid); err != nil {
			return a, errors.Join(err, cmd.Cancel(), cmd.Wait())
		}
	}
	began := time.Now()
	io.WriteString(in, "\n")
	err = cmd.Wait()
	a.Elapsed = time.Since(began)
	if watched {
		b.sighted, err = w.ended(err)
	}
	if err != nil {
		return a, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return a, nil
}
