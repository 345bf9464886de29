//go:build linux && (amd64 || arm64)

package probe

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/trace"
)

func TestAForkTree(t *testing.T) {
	cmd, release := shell(t, "(exit 3); (kill -9 $(exec sh -c 'echo $PPID')) ; true")
	p := watchHere(t, Options{Trees: []int{cmd.Process.Pid}})
	release()
	p.Stop()
	root := cmd.Process.Pid
	parents, status, threads := map[int]int{}, map[int]int{}, map[int]int{root: 1}
	for _, r := range rest(t, p) {
		switch r.What {
		case trace.Born:
			if _, ok := threads[r.Parent]; !ok {
				t.Errorf("process %d is born of %d, which is none of the tree", r.Op.PID, r.Parent)
			}
			parents[r.Op.PID] = r.Parent
			threads[r.Op.PID]++
		case trace.Ended:
			threads[r.Op.PID]--
			if r.Op.Status != op.None {
				status[r.Op.PID] = int(r.Op.Status)
			}
		case trace.Returned:
			if threads[r.Op.PID] < 1 {
				t.Errorf("%v by process %d, which is not there", r.Op, r.Op.PID)
			}
		}
	}
	children := map[int]int{}
	for pid, parent := range parents {
		if parent == root {
			children[status[pid]]++
		}
	}
	if children[3] != 1 || children[137] != 1 {
		t.Errorf("the children ended with %v, want one with 3 and one with 137", children)
	}
	if got, ok := status[root]; !ok || got != 0 {
		t.Errorf("the shell ended with %d (%t)", got, ok)
	}
	for pid, n := range threads {
		if n != 0 {
			t.Errorf("process %d: %d threads did not end", pid, n)
		}
	}
}

func TestWhatIsThereAlreadyIsTold(t *testing.T) {
	dir := t.TempDir()
	f, err := os.OpenFile(filepath.Join(dir, "log"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("twelve bytes"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "exec 7>&3; read x; true")
	cmd.ExtraFiles = []*os.File{f}
	cmd, release := waiting(t, cmd)
	for { // until the shell has made its descriptor
		if _, err := os.Readlink(procFD(cmd.Process.Pid, 7)); err == nil {
			break
		}
	}
	p := watchHere(t, Options{PIDs: []int{cmd.Process.Pid}})
	first, err := p.Next()
	if err != nil {
		t.Fatal(err)
	}
	release()
	if first.What != trace.There || first.Op.PID != cmd.Process.Pid || first.Op.Path != cmd.Dir || first.Op.Prog != "sh" || first.Parent != os.Getpid() {
		t.Fatalf("got %d: %+v", first.What, first.Op)
	}
	fds := map[int]op.FDInfo{}
	for _, d := range first.Op.FDs() {
		fds[d.FD] = d
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	d := fds[3]
	if d.File.ID.Dev != st.Dev || d.File.ID.Ino != st.Ino || d.File.Size != 12 || d.Off != 12 || d.File.Path != f.Name() {
		t.Errorf("descriptor 3: %+v", d)
	}
	if d.Flags&(op.O_ACCMODE|op.O_APPEND|op.O_CLOEXEC) != op.O_RDWR|op.O_APPEND {
		t.Errorf("flags of descriptor 3: %#x", d.Flags)
	}
	if fds[7].Shared != d.Shared || fds[0].Shared == d.Shared {
		t.Errorf("descriptors 3, 7 and 0 are of descriptions %d, %d and %d", d.Shared, fds[7].Shared, fds[0].Shared)
	}
}

func procFD(pid, fd int) string {
	return "/proc/" + strconv.Itoa(pid) + "/fd/" + strconv.Itoa(fd)
}

// Two actors run; the filter lets one of them pass, and not the tests' other processes.
func TestFilters(t *testing.T) {
	nobody := 65534
	for _, c := range []struct {
		name    string
		opt     func(wanted int) Options
		asOther bool // the wanted actor runs as another user
		only    op.Kind
	}{
		{"tree", func(pid int) Options { return Options{Trees: []int{pid}} }, false, 0},
		{"pid", func(pid int) Options { return Options{PIDs: []int{pid}} }, false, 0},
		{"uid", func(int) Options { return Options{UID: &nobody} }, true, 0},
		{"calls", func(pid int) Options { return Options{Trees: []int{pid}, Calls: []string{"unlink", "unlinkat"}} }, false, op.Unlink},
	} {
		t.Run(c.name, func(t *testing.T) {
			script := "rm -f none; true"
			if c.asOther && os.Geteuid() != 0 {
				t.Skip("needs root to become another user")
			}
			wanted := exec.Command("sh", "-c", "read x; "+script)
			if c.asOther {
				wanted.Dir = "/" // which everybody may enter
				wanted.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(nobody), Gid: uint32(nobody)}}
			}
			w, releaseWanted := waiting(t, wanted)
			_, releaseOther := shell(t, script)
			p := watchHere(t, c.opt(w.Process.Pid))
			releaseOther()
			releaseWanted()
			p.Stop()
			seen := 0
			for _, r := range rest(t, p) {
				if r.What != trace.Returned || r.Op.Call == nil {
					continue
				}
				seen++
				if c.name == "uid" {
					if r.UID != uint32(nobody) {
						t.Errorf("%v by user %d", r.Op, r.UID)
					}
					continue
				}
				if c.only != 0 && r.Op.Kind != c.only {
					t.Errorf("%v was not asked for", r.Op)
				}
				if c.name == "pid" && r.Op.PID != w.Process.Pid {
					t.Errorf("%v by process %d, not %d", r.Op, r.Op.PID, w.Process.Pid)
				}
			}
			if seen == 0 {
				t.Error("nothing was seen")
			}
		})
	}
}

// Every lost event is counted: seen and lost make up what was done.
func TestWhatIsLostIsCounted(t *testing.T) {
	const writers = 8
	var release []func()
	var pids []int
	for range writers {
		cmd, r := actor(t, "unlinks")
		release, pids = append(release, r), append(pids, cmd.Process.Pid)
	}
	held := make(chan struct{})
	holdPump = held
	begin := sync.OnceFunc(func() { close(held) })
	defer func() { holdPump = nil; begin() }()
	p := watchHere(t, Options{PIDs: pids, Calls: []string{"unlink", "unlinkat"}, RingSize: 1 << 16})
	done := make(chan struct{})
	for i := range release {
		go func() { release[i](); done <- struct{}{} }()
	}
	for range writers { // nobody reads meanwhile
		<-done
	}
	p.Stop()
	begin()
	seen, ends, lost, open := 0, 0, uint64(0), false
	for _, r := range rest(t, p) {
		if r.What == trace.Gap {
			open = r.Lost > 0
		} else if r.What == trace.Returned && !open && seen < (1<<16)/1000 { // what the full ring held
			t.Fatalf("call %d stands before the gap, and may have come after what was lost", seen)
		}
		switch {
		case r.What == trace.Gap:
			lost += r.Lost
		case r.What == trace.Returned && r.Op.Kind == op.Unlink:
			seen++
		case r.What != trace.There:
			ends++
		}
	}
	if seen == 0 || lost == 0 {
		t.Errorf("%d seen, %d lost: the ring was not too small", seen, lost)
	}
	// What is lost may also be the birth or the end of a thread; both are more than none.
	if total := uint64(seen) + lost; total < writers*storms || total+uint64(ends) > writers*(storms+200) {
		t.Errorf("%d seen and %d lost, of %d made", seen, lost, writers*storms)
	}
	if p.Notes().Lost != lost {
		t.Errorf("the notes tell of %d lost, the gaps of %d", p.Notes().Lost, lost)
	}
}

func TestCloseLetsAWaitingReaderGo(t *testing.T) {
	cmd, release := shell(t, "true")
	p := watchHere(t, Options{PIDs: []int{cmd.Process.Pid}, NoStart: true})
	ended := make(chan error)
	go func() {
		for {
			if _, err := p.Next(); err != nil {
				ended <- err
				return
			}
		}
	}()
	p.Close()
	if err := <-ended; !errors.Is(err, io.EOF) {
		t.Errorf("Next returned %v, want the end", err)
	}
	release()
}

func TestAWatchEndsByItself(t *testing.T) {
	p := watchHere(t, Options{PIDs: []int{os.Getpid()}, For: time.Millisecond})
	rest(t, p)
	if !p.stopping.Load() {
		t.Error("it ended without having stopped")
	}
}

func TestTheWatcherIsNotWatched(t *testing.T) {
	p := watchHere(t, Options{Calls: []string{"unlink", "unlinkat"}, NoStart: true})
	unix.Unlink(filepath.Join(t.TempDir(), "none"))
	p.Stop()
	for _, r := range rest(t, p) {
		if r.Op != nil && r.Op.PID == os.Getpid() {
			t.Errorf("saw itself: %v", r.Op)
		}
	}
}

func TestAProcessThatIsNotThereCannotBeWatched(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	watchHere(t, Options{NoStart: true}).Close()
	if _, err := Open(Options{PIDs: []int{cmd.Process.Pid}}); !errors.Is(err, unix.ESRCH) {
		t.Errorf("got %v, want that there is no such process", err)
	}
}

func TestAnOldKernelIsRefused(t *testing.T) {
	was := release
	release = func() string { return "5.10.0-8-amd64" }
	defer func() { release = was }()
	var u *Unavailable
	if _, err := Open(Options{}); !errors.As(err, &u) || u.Least != leastKernel {
		t.Errorf("got %v", err)
	}
}
