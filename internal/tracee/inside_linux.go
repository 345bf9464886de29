package tracee

import (
	"fmt"
	"path"
	"sync"

	"filerace/internal/op"
	"filerace/internal/openhold"
)

// inKernel stops opens between finding the file and returning it. The opener then
// sleeps in a fanotify permission event, where neither ptrace(2) nor a signal but
// SIGKILL reaches it; its operation is held like one at its entry.
type inKernel struct {
	watcher *openhold.Watcher
	watched map[string]bool // directories

	mu     sync.Mutex
	expect map[int]bool // threads whose next open is to be held; all others pass
}

func newInKernel() (*inKernel, error) {
	in := &inKernel{watched: map[string]bool{}, expect: map[int]bool{}}
	w, err := openhold.Watch(in.wanted)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInside, err)
	}
	in.watcher = w
	return in, nil
}

func (in *inKernel) close() {
	if in != nil {
		in.watcher.Close()
	}
}

func (in *inKernel) wanted(o *openhold.Open) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.expect[o.TID]
}

func (in *inKernel) set(tid int, on bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if on {
		in.expect[tid] = true
	} else {
		delete(in.expect, tid)
	}
}

// prepare has the open that is about to be let go stop inside. A file that it is
// about to make is not there to be found; O_PATH finds but does not open, and makes
// no event (fanotify(7)).
func (in *inKernel) prepare(t *thread, o *op.Op) {
	if in == nil || t.through || o.Kind != op.Open || o.Flags&op.O_PATH != 0 || len(o.Names) == 0 {
		return
	}
	n := &o.Names[0]
	if n.Type != op.Regular || n.Before.IsZero() || o.Flags&(op.O_CREAT|op.O_EXCL) == op.O_CREAT|op.O_EXCL {
		return
	}
	if dir := path.Dir(n.Path); !in.watched[dir] {
		if in.watcher.Add(dir) != nil {
			return // a file system without such events
		}
		in.watched[dir] = true
	}
	in.set(t.tid, true)
}

func (in *inKernel) expectNone(t *thread) {
	if in != nil {
		in.set(t.tid, false)
	}
}

// found takes up an open that has found its file, if there is one.
func (c *control) found() bool {
	if c.inKernel == nil {
		return false
	}
	select {
	case w := <-c.inKernel.watcher.Opens:
		t := c.threads[w.TID]
		if t == nil || t.state != flying || t.cur == nil || t.cur.Kind != op.Open {
			w.Allow()
			return false
		}
		c.inKernel.set(t.tid, false)
		t.within, t.state, t.through = w, held, false
		t.cur.Inside = true
		t.arrival = c.arrivals
		c.arrivals++
		c.leaveFlight(t)
		if f, ok := c.h.(Finder); ok {
			f.Found(t.cur)
		}
		return true
	default:
		return false
	}
}

// letOn lets an open that has found its file return it.
func (c *control) letOn(t *thread) {
	c.resolve(t, t.cur) // where the name leads by now
	t.state, c.flying = flying, t
	t.within.Allow()
	t.within = nil
}

// returned fills in what an open returned that had stood inside the kernel: the
// file that it had found, whatever its name leads to now.
func (c *control) returned(t *thread, o *op.Op) {
	n := &o.Names[0]
	n.After = n.Before
	if n.Before.IsZero() {
		n.Type = op.Regular
	}
	o.File = c.names.descriptor(t.proc.pid, o.NewFD)
	o.File.Path = n.Path
	if o.Flags&op.O_TRUNC != 0 {
		o.File.Size = 0
	}
}
