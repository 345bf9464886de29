package litmus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Proc is what a part of a test knows of itself: it is one process of a case.
type Proc struct {
	State any // what an Act keeps from trial to trial

	Rand *rand.Rand // drawn from the seed of the run; its own for each process

	errand errand
	c      *Case
	board  *board
	slot   *slot
	said   []*Said
	notes  []string
	tally  map[string]int
	least  map[string]int64
	met    bool   // Overlapped was called in this trial
	buffer []byte // of readAt
	page   []byte // of aligned
}

// Said is what one process left behind in a trial.
type Said struct {
	Role   string
	Err    error     // what SetErr got: nil or an unix.Errno
	Values [16]int64 // what Set got
	Text   string    // what Say got
}

// Pick returns the primitive under test or, in the proof that the test can fail, what does it wrong.
func Pick[T any](p *Proc, right, wrong T) T {
	if p.errand.Shim {
		return wrong
	}
	return right
}

// Shim reports whether this is the proof that the test can fail.
func (p *Proc) Shim() bool { return p.errand.Shim }

// Trial is the number of the trial, from 1.
func (p *Proc) Trial() int { return int(p.board.trial.Load()) }

// Index is the number of the role, from 0.
func (p *Proc) Index() int { return p.errand.Role }

// Say tells what the process saw, for a counter-example; at most 1 KiB is kept.
func (p *Proc) Say(format string, args ...any) {
	if len(args) == 0 {
		p.slot.put(format)
		return
	}
	p.slot.put(fmt.Sprintf(format, args...))
}

// Set hands a number to Judge.
func (p *Proc) Set(i int, v int64) { p.slot.values[i] = v }

// SetErr hands an error of a system call to Judge.
func (p *Proc) SetErr(err error) { p.slot.errno = int32(errno(err)) }

// errno is the number of an error; what is none counts as EIO.
func errno(err error) unix.Errno {
	var e unix.Errno
	if err != nil && !errors.As(err, &e) {
		return unix.EIO
	}
	return e
}

// Note states what was measured beside the verdict, once. Setup, Judge and the
// first role may.
func (p *Proc) Note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(p.notes, text) {
		p.notes = append(p.notes, text)
	}
}

// Tally counts one more trial that showed this. Setup, Judge and the first role may.
func (p *Proc) Tally(what string) { p.tally[what]++ }

// Least notes the least of the values that it is called with. Setup, Judge and the first role may.
func (p *Proc) Least(what string, v int64) {
	if old, ok := p.least[what]; !ok || v < old {
		p.least[what] = v
	}
}

// Overlapped says that windows overlapped in this trial, where the clock cannot:
// one of the processes did not live to look at it.
func (p *Proc) Overlapped() { p.met = true }

// Tallied is how often Tally counted this.
func (p *Proc) Tallied(what string) int { return p.tally[what] }

// skipped ends a case as not tested; left ends a process because others did.
type (
	skipped struct{ reason string }
	left    struct{}
)

// Skip ends the case as not tested.
func (p *Proc) Skip(format string, args ...any) { panic(skipped{fmt.Sprintf(format, args...)}) }

// Must ends the case as not tested if a call failed of which the test does not speak.
func (p *Proc) Must(what string, err error) {
	if err == nil {
		return
	}
	if lacking(err) {
		p.Skip("%s: not supported here: %v", what, err)
	}
	p.Skip("%s failed: %v", what, err)
}

// lacking tells whether a call failed because the system or the file system has no such thing.
func lacking(err error) bool {
	return errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOTSUP) ||
		errors.Is(err, unix.ENOTTY) || errors.Is(err, errHere)
}

// errHere is what calls that this system has not at all return.
var errHere = errors.New("this system has no such call")

// Remove removes files and empty or full directories; what is not there is fine.
func (p *Proc) Remove(names ...string) {
	for _, n := range names {
		err := unix.Unlink(n)
		if err == nil || err == unix.ENOENT {
			continue
		}
		p.Must("remove "+n, os.RemoveAll(n))
	}
}

// Write makes a file of this content, anew.
func (p *Proc) Write(name, content string) {
	p.Must("write "+name, os.WriteFile(name, []byte(content), 0o666))
}

// Open opens a file; failure ends the case.
func (p *Proc) Open(name string, flags int) int {
	fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0o666)
	p.Must("open "+name, err)
	return fd
}

// Close closes a descriptor.
func (p *Proc) Close(fd int) { p.Must("close", unix.Close(fd)) }

// Link count, size, inode and the like of an open file.
func (p *Proc) Fstat(fd int) unix.Stat_t {
	var st unix.Stat_t
	p.Must("fstat", unix.Fstat(fd, &st))
	return st
}

// PID is the process of a role or a child, 0 if it has not begun yet.
func (p *Proc) PID(role string) int { return int(p.of(role).pid.Load()) }

func (p *Proc) of(role string) *slot {
	i := slices.Index(p.c.parts(), role)
	if i < 0 {
		panic("litmus: no role or child is named " + role)
	}
	return &p.board.slots[i]
}

// Race is the section of a role that is to overlap with the others': every role of a case that is not
// in turn must call it once a trial. All wait until all are there.
func (p *Proc) Race(section func()) {
	b, s, k := p.board, p.slot, p.board.trial.Load()
	p.meet(k)
	target := b.start.Load()
	for now() < target+s.delay.Load() {
	}
	s.opened = -1
	began := now()
	section()
	finished := now()
	s.began, s.finished = began-target, finished-target
	if s.opened < 0 {
		s.opened, s.closed = s.began, s.finished
	} else {
		s.opened, s.closed = s.opened-target, s.closed-target
	}
}

// Window narrows the window to be hit to a part of the section.
func (p *Proc) Window(part func()) {
	opened := now()
	part()
	p.slot.closed = now()
	p.slot.opened = opened
}

// Turn waits for the n-th turn of the trial, from 0, does what is due, if
// anything, and lets the next turn begin.
func (p *Proc) Turn(n int, due func()) {
	p.await(func() bool { return p.board.turn.Load() == int64(n) })
	if due != nil {
		due()
	}
	p.board.turn.Store(int64(n) + 1)
}

// Enter says that the process is inside what it takes to be a critical section, entered by a lock on this
// inode. It returns how many are inside, and whether one of the others came by the same inode.
func (p *Proc) Enter(ino uint64) (inside int, same bool) {
	for i := range p.c.Roles {
		if s := &p.board.slots[i]; s != p.slot && s.inside.Load() == ino {
			same = true
		}
	}
	p.slot.inside.Store(ino)
	return int(p.board.inside.Add(1)), same
}

// Leave ends what Enter began.
func (p *Proc) Leave() {
	p.board.inside.Add(-1)
	p.slot.inside.Store(0)
}

// Await waits until a condition holds that another process brings about.
func (p *Proc) Await(cond func() bool) { p.await(cond) }

// Blocking is around a call that may sleep until another process acts.
func (p *Proc) Blocking(call func()) {
	p.slot.blocking.Store(1)
	defer p.slot.blocking.Store(0)
	call()
}

// AwaitBlocked waits until a role sleeps in its Blocking call, or has returned from it:
// false. The role must have said by a turn that it is about to make it.
func (p *Proc) AwaitBlocked(role string) bool {
	s := p.of(role)
	seen := 0
	p.await(func() bool {
		if s.blocking.Load() == 0 {
			// Not begun, or over already: the turn tells only that it was near.
			if s.done.Load() == p.board.trial.Load() {
				return true
			}
			seen = 0
			return false
		}
		sleeps, err := asleep(int(s.pid.Load()), int(s.tid.Load()))
		if err != nil {
			p.Skip("%v", err)
		}
		// A page fault sleeps too, but not for long: twice is asleep for good.
		if seen++; !sleeps {
			seen = 0
		}
		return seen >= 2
	})
	return seen >= 2
}

// Child prepares a process that runs a function of Case.Children; descriptors
// of files are inherited from 5 on. It shares the board: it may say things and take turns.
func (p *Proc) Child(name string, files ...*os.File) *exec.Cmd {
	if p.c.Children[name] == nil {
		panic("litmus: no child is named " + name)
	}
	e := p.errand
	e.Child, e.Parent = name, os.Getpid()
	text, _ := json.Marshal(e)
	s := p.of(name)
	s.reset()
	s.pid.Store(0)
	cmd := exec.Command(e.Program)
	cmd.Env = append(os.Environ(), errandVar+"="+string(text))
	cmd.ExtraFiles = append([]*os.File{os.NewFile(boardFD, "memory"), os.NewFile(resultFD, "result")}, files...)
	cmd.Stderr = os.Stderr
	return cmd
}

// exists tells whether a name leads to something.
func exists(name string) bool {
	_, err := os.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// await waits: first without giving the processor away, because what is awaited
// is usually near, then giving it away, then asleep, a sixteenth longer than it has slept already.
func (p *Proc) await(cond func() bool) {
	var slept time.Duration
	for n := 0; !cond(); n++ {
		if n >= 500 && p.board.stop.Load() != 0 {
			panic(left{})
		}
		switch {
		case n < 500:
		case n < 600:
			yield()
		default:
			p.leaveIfOrphan()
			nap := min(max(slept/16, shortestNap), longestNap)
			time.Sleep(nap)
			slept += nap
		}
	}
}

const shortestNap, longestNap = 20 * time.Microsecond, 20 * time.Millisecond

// leaveIfOrphan ends the process if the one that started it is gone: nobody
// else would. The first role then clears the directory.
func (p *Proc) leaveIfOrphan() {
	if os.Getppid() == p.errand.Parent {
		return
	}
	if p.errand.Role == 0 && p.errand.Child == "" {
		os.RemoveAll(p.errand.Scratch)
	}
	os.Exit(exitOrphan)
}

func (c *Case) parts() []string {
	var names []string
	for _, r := range c.Roles {
		names = append(names, r.Name)
	}
	var children []string
	for n := range c.Children {
		children = append(children, n)
	}
	slices.Sort(children)
	return append(names, children...)
}
