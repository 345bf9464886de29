package logs

import (
	"path"
	"slices"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// family keeps the tasks of a log, by the ids that the log uses, and turns what
// the log tells of them into records.
//
// A child's first line may come before the line that tells its parent's fork
// returned. If one fork is under way, the child is its; if several are, records
// are held back until their returns have told whose it is.
type family struct {
	tasks      map[int]*task
	parents    map[int]birth // of children that have not been seen yet
	forking    []*task       // whose fork is under way, child unknown
	unresolved []*task       // whose parent is unknown as yet, oldest first

	out  []trace.Record
	gone int // records handed out before out[0]

	command bool // the log begins with the command's execve: every process descends from it

	main      int          // id of the first task, if lines without an id have been seen
	mainName  int          // id by which the log calls it later
	announced map[int]bool // attached, says strace
}

type task struct {
	tid, group int
	prog       string
	cwd        string // as -y tells it; "": not known
	exiting    bool
	killed     bool
	status     int32
	newborn    bool // its parent's line will tell whose child it is
	forkFlags  uint64
	flagsKnown bool
	place      int // of its Born record, while unresolved
}

type birth struct {
	parent int
	flags  uint64
}

// heldMax bounds how many records wait for a child's parent to be told.
const heldMax = 4096

// unnamed is the id of the only task of a log without ids.
const unnamed = 1

func newFamily() *family {
	return &family{tasks: map[int]*task{}, parents: map[int]birth{}, announced: map[int]bool{}}
}

// resolve finds the task that a line with this id column, 0 for none, is about.
// strace leaves the column away while it follows one task only.
func (f *family) resolve(pid int) int {
	switch {
	case pid == 0 && len(f.tasks) == 1:
		for tid := range f.tasks {
			return tid
		}
	case pid == 0 && f.main == 0:
		f.main = unnamed
		return f.main
	case pid == 0, pid == f.mainName:
		return f.main
	}
	if f.main != 0 && f.mainName == 0 && f.tasks[pid] == nil && len(f.forking) == 0 && !f.announced[pid] {
		if _, born := f.parents[pid]; !born && f.tasks[f.main] != nil {
			f.mainName = pid
			return f.main
		}
	}
	return pid
}

// see returns the task; a new one is told of first.
func (f *family) see(tid int, at int64) *task {
	if t := f.tasks[tid]; t != nil {
		return t
	}
	t := &task{tid: tid, group: tid}
	b, known := f.parents[tid]
	delete(f.parents, tid)
	delete(f.announced, tid)
	if parent := f.tasks[b.parent]; known && parent != nil {
		f.add(t, f.born(t, parent, b.flags, at))
		return t
	}
	switch {
	case len(f.forking) == 0:
		r := trace.Record{What: trace.There, Op: moment(op.NoKind, t, at)}
		if known || f.command && len(f.tasks) > 0 {
			r.What, r.Parent = trace.Born, b.parent
		}
		f.add(t, r)
	case len(f.forking) == 1 && f.forking[0].flagsKnown:
		parent := f.forking[0]
		f.forking = nil
		f.add(t, f.born(t, parent, parent.forkFlags, at))
	default:
		f.wait(t, at)
	}
	return t
}

// arrive returns the task that an event is about. Where a log tells that a task is
// new, its parent's line is still to come, if it has not come before.
func (f *family) arrive(e event) *task {
	_, known := f.parents[e.tid]
	if e.what != evNewborn || known || f.tasks[e.tid] != nil {
		return f.see(e.tid, e.at)
	}
	t := &task{tid: e.tid, group: e.tid, newborn: true}
	f.wait(t, e.at)
	return t
}

// wait holds records back until t's parent is known.
func (f *family) wait(t *task, at int64) {
	t.place = f.gone + len(f.out)
	f.unresolved = append(f.unresolved, t)
	f.add(t, trace.Record{What: trace.Born, Op: moment(op.NoKind, t, at)})
}

func (f *family) add(t *task, r trace.Record) {
	f.tasks[t.tid] = t
	f.out = append(f.out, r)
}

// born makes t parent's child.
func (f *family) born(t, parent *task, flags uint64, at int64) trace.Record {
	t.prog, t.cwd = parent.prog, parent.cwd
	if flags&op.CLONE_THREAD != 0 {
		t.group = parent.group
	}
	o := moment(op.NoKind, t, at)
	o.Flags = flags
	return trace.Record{What: trace.Born, Op: o, Parent: parent.group}
}

// moment is an operation that is no call.
func moment(kind op.Kind, t *task, at int64) *op.Op {
	o := op.New(kind)
	o.PID, o.TID, o.Prog, o.Enter, o.Exit, o.Done = t.group, t.tid, t.prog, at, at, true
	return o
}

// push takes one event of the log.
func (f *family) push(e event) {
	switch e.what {
	case evEnded:
		if t := f.tasks[e.tid]; t != nil {
			t.status, t.killed = int32(e.number), e.killed
			f.end(t, e.at)
		}
		return
	case evSuperseded:
		f.supersede(e)
		return
	}
	if e.op != nil {
		e.at = e.op.Enter
	}
	t := f.arrive(e)
	if e.comm != "" {
		t.prog = e.comm
	}
	switch e.what {
	case evNewborn:
		return
	case evForking:
		t.forkFlags, t.flagsKnown = e.flags, e.sure
		f.forking = append(f.forking, t)
		return
	case evSignal:
		o := moment(op.Signal, t, e.at)
		o.Signal = int32(e.number)
		f.out = append(f.out, trace.Record{What: trace.Returned, Op: o})
		return
	}
	f.call(t, e)
}

// call hands on a call that was entered or has returned.
func (f *family) call(t *task, e event) {
	o := e.op
	r := trace.Record{What: trace.Returned, Op: o}
	if e.what == evEntered {
		r.What = trace.Entered
		if o.Kind == op.Exit {
			t.exiting, t.status = true, o.Status
		}
	}
	if e.cwd != "" {
		t.cwd = e.cwd
	}
	placeNames(o, t.cwd)
	switch {
	case r.What == trace.Entered || o.Failed() && o.Kind != op.Fork:
	case o.Kind == op.Exec && o.Path != "":
		t.prog = progName(o.Path)
	case o.Kind == op.Chdir:
		t.moved(o)
	case o.Kind == op.Fork:
		f.forked(t, o)
	case o.Kind == op.Wait:
		f.reaped(o)
	}
	o.PID, o.TID, o.Prog = t.group, t.tid, t.prog
	f.out = append(f.out, r)
}

// moved follows a change of the working directory, as far as its path is known.
func (t *task) moved(o *op.Op) {
	before := t.cwd
	t.cwd = ""
	switch {
	case o.Path == "":
		if o.File.Nlink > 0 {
			t.cwd = o.File.Path // fchdir
		}
	case before != "" && len(o.Names) > 0 && o.Path[0] != '/':
		t.cwd = o.Names[0].Path
	case o.Path[0] == '/':
		t.cwd = path.Clean(o.Path)
	}
}

// progName is what the kernel makes of a program's path: 15 bytes of its last part.
func progName(file string) string {
	name := path.Base(file)
	return name[:min(len(name), 15)]
}

// forked takes the return of a fork, which tells whose child is whose.
func (f *family) forked(t *task, o *op.Op) {
	f.forking = slices.DeleteFunc(f.forking, func(other *task) bool { return other == t })
	child := int(o.Ret)
	switch c := f.tasks[child]; {
	case o.Failed() || child <= 0 || child > maxPID:
	case c == nil:
		f.parents[child] = birth{t.tid, o.Flags}
		f.see(child, o.Exit)
	default:
		f.settle(c, t, o.Flags)
	}
	for len(f.forking) <= 1 && len(f.unresolved) > 0 && !f.unresolved[0].newborn {
		if len(f.forking) == 0 {
			f.unresolved = f.unresolved[1:]
			continue
		}
		if !f.forking[0].flagsKnown {
			return
		}
		parent := f.forking[0]
		f.forking = nil
		f.settle(f.unresolved[0], parent, parent.forkFlags)
	}
}

// settle says who the parent of an unresolved task is.
func (f *family) settle(t, parent *task, flags uint64) {
	i := slices.Index(f.unresolved, t)
	if i < 0 {
		return
	}
	f.unresolved = slices.Delete(f.unresolved, i, i+1)
	at := t.place - f.gone
	prog, cwd := t.prog, t.cwd
	f.out[at] = f.born(t, parent, flags, f.out[at].Op.Enter)
	if prog != "" {
		t.prog = prog
	}
	if cwd != "" {
		t.cwd = cwd
	}
	for _, r := range f.out[at+1:] {
		if r.Op.TID == t.tid {
			r.Op.PID = t.group
			if r.Op.Prog == "" {
				r.Op.Prog = t.prog
			}
		}
	}
}

// reaped ends a process of whose end the log has not told by the time that
// another one has waited for it, as with strace -qq.
func (f *family) reaped(o *op.Op) {
	if t := f.tasks[int(o.Reaped)]; t != nil && o.Reaped > 0 && o.Status != op.None {
		f.endGroup(t.group, o.Status, o.Exit)
	}
}

func (f *family) endGroup(group int, status int32, at int64) {
	var members []*task
	for _, t := range f.tasks {
		if t.group == group {
			members = append(members, t)
		}
	}
	slices.SortFunc(members, func(a, b *task) int { return b.tid - a.tid }) // the leader last
	for _, t := range members {
		t.status = status
		f.end(t, at)
	}
}

func (f *family) end(t *task, at int64) {
	o := moment(op.Exit, t, at)
	o.Status = t.status
	if t.status > 128 && t.killed {
		o.Signal = t.status - 128
	}
	f.out = append(f.out, trace.Record{What: trace.Ended, Op: o})
	f.drop(t)
}

func (f *family) drop(t *task) {
	delete(f.tasks, t.tid)
	if t.tid == f.mainName || t.tid == f.main {
		f.mainName = 0
	}
	f.forking = slices.DeleteFunc(f.forking, func(other *task) bool { return other == t })
}

// supersede lets a thread that calls execve take its leader's id (de_thread in fs/exec.c).
func (f *family) supersede(e event) {
	leader, t := f.see(e.tid, e.at), f.tasks[e.number]
	if t == nil || t == leader {
		return
	}
	f.end(t, e.at)
}

// finish ends what is known to be ending when the log is over.
func (f *family) finish(at int64) {
	var last []*task
	for _, t := range f.tasks {
		if t.exiting {
			last = append(last, t)
		}
	}
	slices.SortFunc(last, func(a, b *task) int { return a.tid - b.tid })
	for _, t := range last {
		f.end(t, at)
	}
	f.unresolved = nil
}

// pop returns the next record whose process is known.
func (f *family) pop() (trace.Record, bool) {
	if len(f.out) == 0 {
		return trace.Record{}, false
	}
	if len(f.unresolved) > 0 && f.unresolved[0].place == f.gone {
		if len(f.out) < heldMax {
			return trace.Record{}, false
		}
		f.unresolved = f.unresolved[1:] // its parent stays unknown
	}
	r := f.out[0]
	f.out[0] = trace.Record{}
	f.out = f.out[1:]
	f.gone++
	if len(f.out) == 0 && cap(f.out) < 64 {
		f.out = make([]trace.Record, 0, 2*heldMax)
	}
	return r, true
}
