package trace

import (
	"cmp"
	"slices"
	"strconv"

	"filerace/internal/op"
)

// process is one process of the trace.
type process struct {
	pid      int
	actor    op.Actor
	prog     string
	parent   *process
	children int
	threads  int // known to live
	tree     *tree
	cwd      *node
	fds      []slot
	begun    int64 // earliest moment of its first operation
	told     bool  // a source said that it was born
	claimed  bool  // a fork has returned it
	ended    bool

	unannounced bool // it ran before the trace, with descriptors that nobody knows
}

// slot is what a descriptor was opened by: paths may start there.
type slot struct {
	node    *node
	cloexec bool
}

// fdMax bounds the descriptors from which paths are followed.
const fdMax = 1 << 12

type thread struct {
	proc *process
	last int64 // its last return
	item *item // its last operation
}

// builder names the actors and follows working directories. Records of a process that
// nobody has announced wait for the fork that made it, which may return later.
type builder struct {
	flow    *Flow
	threads map[int]*thread
	dead    map[int]*process // ended, and not waited for
	graves  []int            // their ids, in the order of their ends
	held    map[int]*held
	homes   map[string]*node // made-up working directories, by program
	command int
	begun   bool
}

type held struct {
	pid     int
	since   int64
	order   int
	records []Record
}

// gravesMax bounds how many ended processes are remembered for their parents.
const gravesMax = 1 << 12

func (b *builder) init(f *Flow) {
	*b = builder{flow: f, threads: map[int]*thread{}, dead: map[int]*process{}, held: map[int]*held{}, homes: map[string]*node{}}
}

func (b *builder) put(r Record) {
	switch r.What {
	case Gap:
		b.gap(r.Lost)
		return
	case Entered:
		return
	case Born:
		b.born(r)
		return
	case There:
		b.there(r)
		return
	}
	t := b.thread(r.Op)
	if t == nil {
		b.hold(r)
		return
	}
	if r.What == Ended {
		b.gone(t, r)
		return
	}
	b.sees(t.proc, r.View)
	b.returned(t, r.Op)
}

// gap puts a gap where no lost call can have taken effect before it: what is still held
// back may have met one that had begun, and whose return is lost.
func (b *builder) gap(lost uint64) {
	at := b.flow.newest
	if lost > 0 {
		at = max(0, b.flow.queue.passed>>fraction)
	}
	b.queue(&item{lost: lost, from: at, exit: at})
}

// thread finds the thread of an operation, nil if its process is not known yet.
func (b *builder) thread(o *op.Op) *thread {
	if t := b.threads[o.TID]; t != nil {
		return t
	}
	if o.TID != o.PID {
		if t := b.threads[o.PID]; t != nil {
			return b.addThread(t.proc, o.TID)
		}
	}
	if !b.begun || o.PID == b.command {
		return b.adopt(o)
	}
	return nil
}

// adopt takes in a process that nobody made.
func (b *builder) adopt(o *op.Op) *thread {
	actor := op.Actor(strconv.Itoa(o.PID))
	if b.command == o.PID && b.command != 0 || !b.begun && b.command == 0 && (o.Kind == op.Exec || o.PID == 0) {
		actor = "1"
	}
	p := &process{pid: o.PID, actor: actor, prog: o.Prog, tree: b.flow.names.home, unannounced: actor != "1"}
	t := b.add(p, o.PID)
	if o.TID != o.PID {
		t = b.addThread(p, o.TID)
	}
	return t
}

func (b *builder) add(p *process, tid int) *thread {
	b.begun = true
	delete(b.dead, p.pid)
	return b.addThread(p, tid)
}

func (b *builder) addThread(p *process, tid int) *thread {
	p.threads++
	t := &thread{proc: p, last: p.begun}
	b.threads[tid] = t
	return t
}

func (b *builder) hold(r Record) {
	id := r.Op.TID
	h := b.held[id]
	if h == nil {
		h = &held{pid: id, since: b.flow.newest, order: len(b.held)}
		b.held[id] = h
	}
	h.records = append(h.records, r)
}

// overdue takes in the processes whose maker has not shown up by then.
func (b *builder) overdue(limit int64) {
	if len(b.held) == 0 {
		return
	}
	var late []*held
	for _, h := range b.held {
		if h.since <= limit {
			late = append(late, h)
		}
	}
	slices.SortFunc(late, func(a, c *held) int {
		return cmp.Or(cmp.Compare(a.since, c.since), cmp.Compare(a.order, c.order))
	})
	for _, h := range late {
		if b.threads[h.pid] == nil {
			b.adopt(h.records[0].Op)
		}
		b.letGo(h.pid)
	}
}

// letGo plays what waited for a process or thread.
func (b *builder) letGo(tid int) {
	h := b.held[tid]
	if h == nil {
		return
	}
	delete(b.held, tid)
	for _, r := range h.records {
		b.put(r)
	}
}

// born is told when a process or thread is made.
func (b *builder) born(r Record) {
	o := r.Op
	tid := o.TID
	if tid == 0 {
		tid = o.PID
	}
	if tid != o.PID || o.Flags&op.CLONE_THREAD != 0 {
		if t := b.threads[o.PID]; t != nil && b.threads[tid] == nil {
			b.addThread(t.proc, tid).last = max(o.Enter, o.Exit, 0)
			b.letGo(tid)
		}
		return
	}
	if t := b.threads[tid]; t != nil {
		if !t.proc.told {
			t.proc.told = true
			return
		}
		b.end(t.proc, max(o.Enter, o.Exit), op.None, 0)
	}
	parent := b.threads[r.Parent]
	if parent == nil {
		if r.Parent != 0 { // made by somebody whom the source does not show
			b.adopt(o).proc.told = true
			b.letGo(tid)
		}
		return // the fork will tell
	}
	b.child(parent.proc, tid, max(o.Enter, o.Exit, 0), o.Flags).told = true
	b.letGo(tid)
}

// child makes a process of another one.
func (b *builder) child(p *process, pid int, at int64, flags uint64) *process {
	p.children++
	c := &process{pid: pid, actor: p.actor.Child(p.children), prog: p.prog, parent: p, tree: p.tree, cwd: p.cwd, begun: at}
	if flags&op.CLONE_FILES != 0 {
		c.fds = p.fds // as it stands: later changes are not shared
	} else {
		c.fds = slices.Clone(p.fds)
	}
	b.add(c, pid)
	return c
}

// there is told of a process that runs already.
func (b *builder) there(r Record) {
	o := r.Op
	if t := b.threads[o.PID]; t != nil {
		b.end(t.proc, max(o.Enter, o.Exit, 0), op.None, 0)
	}
	if o.Path == "" && len(o.FDs()) == 0 { // no more than that it was there
		if b.begun {
			b.adopt(o)
		}
		return
	}
	var p *process
	if parent := b.threads[r.Parent]; parent != nil && o.PID != b.command {
		p = b.child(parent.proc, o.PID, max(o.Enter, o.Exit, 0), 0)
		p.fds = nil
	} else {
		p = b.adopt(o).proc
	}
	p.told, p.prog = true, o.Prog
	b.sees(p, r.View)
	p.unannounced = p.actor != "1" && slices.ContainsFunc(o.FDs(), func(d op.FDInfo) bool { return d.File.Type == op.Regular })
	if len(o.Path) > 0 && o.Path[0] == '/' {
		p.cwd = b.flow.names.node(p.tree, o.Path)
	}
	for i := range o.FDs() {
		if d := &o.FDs()[i]; len(d.File.Path) > 0 && d.File.Path[0] == '/' {
			p.setFD(d.FD, b.flow.names.node(p.tree, d.File.Path), d.Flags&op.O_CLOEXEC != 0)
		}
	}
	b.letGo(o.PID)
	o.Kind, o.Call, o.Done = op.Inherit, nil, true
	b.send(&thread{proc: p, last: o.Enter}, o)
}

// gone is told of a thread's end.
func (b *builder) gone(t *thread, r Record) {
	p := t.proc
	delete(b.threads, r.Op.TID)
	if p.threads--; p.threads > 0 || p.ended || r.Op.Status == op.None {
		return // not the last one
	}
	b.end(p, max(r.Op.Exit, r.Op.Enter, t.last), r.Op.Status, r.Op.Signal)
}

var exitCall = op.Named("exit_group")

// end lets a process end: what it had open is closed.
func (b *builder) end(p *process, at int64, status, signal int32) {
	if p.ended {
		return
	}
	p.ended = true
	for tid, t := range b.threads {
		if p.threads > 0 && t.proc == p {
			delete(b.threads, tid)
		}
	}
	if len(b.graves) >= gravesMax {
		if old := b.dead[b.graves[0]]; old != nil && old.ended {
			delete(b.dead, b.graves[0])
		}
		b.graves = b.graves[1:]
	}
	b.dead[p.pid] = p
	b.graves = append(b.graves, p.pid)
	o := op.New(op.Exit)
	o.PID, o.TID, o.Prog, o.Call, o.Status, o.Signal = p.pid, p.pid, p.prog, exitCall, status, signal
	o.Enter, o.Exit, o.Done = at, at, true
	b.send(&thread{proc: p, last: at}, o)
}

// send hands an operation of a process to the sequencer.
func (b *builder) send(t *thread, o *op.Op) *item {
	it := &item{op: o, proc: t.proc, tree: t.proc.tree, from: o.Enter, exit: o.Exit}
	if it.from < t.last {
		it.from = t.last // Enter is not known, or clocks are coarse
	}
	it.exit = max(it.exit, it.from)
	t.last = it.exit
	o.Actor, o.PID = t.proc.actor, t.proc.pid
	if o.Prog == "" {
		o.Prog = t.proc.prog
	} else if t.proc.prog == "" {
		t.proc.prog = o.Prog
	}
	b.names(it)
	if o.FD >= 0 && o.FD < len(t.proc.fds) && t.proc.fds[o.FD].node != nil {
		it.quiet = o.Kind == op.Write || o.Kind == op.Copy
		t.proc.fds[o.FD].node.look(it)
	}
	it.prev, t.item = t.item, it
	b.queue(it)
	return it
}

func (b *builder) queue(it *item) {
	if b.flow.queue.add(it) {
		b.flow.derived.Late++
	}
}
