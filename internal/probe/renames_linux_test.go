//go:build linux && (amd64 || arm64)

package probe

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/trace"
	"filerace/internal/world"
)

// renamers make files and fight over the name "n": each renames its own over it, links it there, or
// takes it away. What one does to n all others may overlap.
func renamers(args []string) {
	own := "own" + args[0]
	for i := range 25 {
		fd, err := unix.Open(own, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
		if err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		unix.Close(fd)
		switch i % 4 {
		case 0, 1:
			unix.Rename(own, "n")
		case 2:
			unix.Unlink("n")
			unix.Link(own, "n")
			unix.Unlink(own)
		case 3:
			unix.Renameat2(unix.AT_FDCWD, own, unix.AT_FDCWD, "n", unix.RENAME_EXCHANGE)
			unix.Unlink(own)
		}
	}
}

// Where hooks see which files names lead to, the order of calls that overlapped on one name is that in which
// each met what the one before it had left, and no other is told.
func TestRenamesThatOverlapComeInTheOrderOfTheirFiles(t *testing.T) {
	functionsAreTraced(t)
	const processes = 8
	dir := t.TempDir()
	var roots []int
	var release []func()
	for i := range processes {
		cmd := actorIn(t, dir, "renamers", strconv.Itoa(i))
		c, r := waiting(t, cmd)
		roots, release = append(roots, c.Process.Pid), append(release, r)
	}
	p := watchHere(t, Options{Trees: roots})
	if err := p.Hooks(); err != nil {
		t.Skipf("needs hooks on the kernel's functions: %v", err)
	}
	done := make(chan struct{})
	for _, r := range release {
		go func() { r(); done <- struct{}{} }()
	}
	for range release {
		<-done
	}
	p.Stop()
	var on, all []*world.Event // what was done to n, and to all names, in order
	w := world.New()
	f := trace.NewFlow(w, func(e trace.Event) {
		if e.Op == nil {
			return
		}
		w.Enter(e.Op)
		w.Apply(e.Op)
		if len(e.Op.Names) > 0 {
			all = append(all, &e)
		}
		if e.Op.ChangesNames() && slices.ContainsFunc(e.Op.Names, func(n op.Name) bool { return n.Path == filepath.Join(dir, "n") }) {
			on = append(on, &e)
		}
	})
	for _, r := range rest(t, p) {
		f.Put(r)
	}
	f.Close()
	if n := p.Notes().Lost; n > 0 {
		t.Skipf("%d events were lost", n)
	}
	if d := f.Derived(); d.Unfit > 0 { // of a long chain the search looks only at a part
		t.Logf("%d operations fit nowhere", d.Unfit)
	} else {
		checkChain(t, on)
		checkEnd(t, on, filepath.Join(dir, "n"))
	}
	checkTold(t, on, all)
}

// nameOf is n as the operation met it.
func nameOf(o *op.Op) *op.Name {
	return &o.Names[slices.IndexFunc(o.Names, func(n op.Name) bool { return n.Base == "n" })]
}

func checkChain(t *testing.T, on []*world.Event) {
	t.Helper()
	var file op.FileID
	for i, e := range on {
		n := nameOf(e.Op)
		if !n.Seen {
			t.Fatalf("%v: nobody saw what it met: %+v", e.Op, n)
		}
		if n.Before != file {
			t.Fatalf("%d: %v met %v, and %v had been left", i, e.Op, n.Before, file)
		}
		file = n.After
	}
}

func checkEnd(t *testing.T, on []*world.Event, path string) {
	t.Helper()
	var st unix.Stat_t
	unix.Lstat(path, &st) // of none: 0
	if last := nameOf(on[len(on)-1].Op); last.After.Ino != st.Ino {
		t.Errorf("the last one leaves file %d, and %d is there", last.After.Ino, st.Ino)
	}
}

// checkTold: of what overlapped, most is told, and nothing the wrong way round.
func checkTold(t *testing.T, on, all []*world.Event) {
	t.Helper()
	overlapped, told := 0, 0
	for i := range on[:len(on)-1] {
		a, b := on[i], on[i+1]
		if b.From >= a.Op.Exit || a.Op.Actor.Process() == b.Op.Actor.Process() {
			continue
		}
		overlapped++
		since, until := min(a.From, b.From), max(a.Op.Exit, b.Op.Exit)
		var around []*world.Event
		for _, e := range all {
			if e.Op.Exit >= since && e.From <= until && (world.Meet(e.Op, a.Op) || world.Meet(e.Op, b.Op)) {
				around = append(around, e)
			}
		}
		x, y := nameOf(a.Op), nameOf(b.Op)
		if world.Told(a, b, around, since) {
			if told++; !x.Before.IsZero() && x.Before == y.After && x.After != y.Before {
				t.Errorf("it is told that %v came before %v, whose file it met", a.Op, b.Op)
			}
		}
		if world.Told(b, a, around, since) && x.After == y.Before && !x.After.IsZero() {
			t.Errorf("it is told that %v came before %v", b.Op, a.Op)
		}
	}
	t.Logf("%d changes of the name, %d of them overlapped the next one, and of %d it is told which came first", len(on), overlapped, told)
	if overlapped > 20 && told == 0 {
		t.Errorf("of %d that overlapped nothing is told", overlapped)
	}
}
