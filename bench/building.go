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

// built is what one build took.
type built struct {
	elapsed    time.Duration
	processors time.Duration // of itself and of all that it started
	watch      time.Duration // of processors, by the watch beside it, while it ran
}

// building measures what a real build costs while somebody looks on.
func (l *lab) building() section {
	out := section{title: "Watching a build of filerace with a cold cache (goal 1.02)",
		head: []string{"way", "times bare", "seconds", "times bare, of processors", "seconds of processors"}}
	b := &build{l: l, what: l.builtPackage()}
	if b.module, out.broken = os.Getwd(); out.broken != nil {
		return out
	}
	names := []string{plain, "filerace watch"}
	seconds, processors := make([]series, len(names)), make([]series, len(names))
	var watches series
	var ways []func(int) error
	for i, name := range names {
		ways = append(ways, func(round int) error {
			l.progress("build, " + name)
			t, err := b.run(i > 0)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if round < 0 {
				return nil
			}
			seconds[i] = append(seconds[i], t.elapsed.Seconds())
			processors[i] = append(processors[i], (t.processors + t.watch).Seconds())
			if i > 0 {
				watches = append(watches, t.watch.Seconds())
			}
			return nil
		})
	}
	if !l.byTurns(&out, min(l.rounds, 5), ways) {
		return out
	}
	for i, name := range names {
		out.row(name, seconds[i].over(seconds[0]).hundredths(), seconds[i].String(),
			processors[i].over(processors[0]).hundredths(), processors[i].String())
	}
	out.note("go build %s, by turns in %d rounds, of which each gives a ratio. Of the watched builds' processors the watch itself took %s s, "+
		"from the builds' begin to their end. The last one: %d events seen, %d lost.", b.what, len(watches), watches, b.seen, b.lost)
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
func (b *build) run(watched bool) (t built, err error) {
	b.n++
	cache := filepath.Join(b.l.dir, fmt.Sprintf("cache-%d", b.n))
	defer os.RemoveAll(cache)
	cmd := b.l.command(b.l.ctx, b.module, "sh", "-c", `read x; exec go build -o /dev/null "$0"`, b.what)
	cmd.Env = append(os.Environ(), "GOCACHE="+cache)
	var said strings.Builder
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return t, err
	}
	if err := cmd.Start(); err != nil {
		return t, err
	}
	var w *onLooking
	var loaded time.Duration // of processors, before the build began
	if watched {
		if w, err = b.l.watch(cmd.Process.Pid); err != nil {
			return t, errors.Join(err, cmd.Cancel(), cmd.Wait())
		}
		loaded = w.processors()
	}
	began := time.Now()
	io.WriteString(in, "\n")
	err = cmd.Wait()
	t.elapsed = time.Since(began)
	t.processors = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if watched {
		t.watch = w.processors() - loaded
		b.sighted, err = w.ended(err)
	}
	if err != nil {
		return t, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return t, nil
}
