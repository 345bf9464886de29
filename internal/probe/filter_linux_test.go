//go:build linux && (amd64 || arm64)

package probe

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// callers lets both processes go and returns which of them made calls that were told.
func callers(t *testing.T, opt Options, wanted, other *exec.Cmd, release ...func()) (byWanted, byOther int) {
	t.Helper()
	p := watchHere(t, opt)
	for _, let := range release {
		let()
	}
	p.Stop()
	for _, r := range rest(t, p) {
		if r.What != trace.Returned || r.Op.Call == nil {
			continue
		}
		switch r.Op.PID {
		case wanted.Process.Pid:
			byWanted++
		case other.Process.Pid:
			byOther++
		}
	}
	return byWanted, byOther
}

func TestProgramsByName(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(sh)
	if err != nil {
		t.Fatal(err)
	}
	named := func(name string) (*exec.Cmd, func()) {
		program := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(program, text, 0o755); err != nil {
			t.Fatal(err)
		}
		return waiting(t, exec.Command(program, "-c", "read x; : >f"))
	}
	wanted, releaseWanted := named("fifteen-bytes-l")
	other, releaseOther := named("fifteen-bytes-x")
	yes, no := callers(t, Options{Names: []string{"none", "fifteen-bytes-l"}, NoStart: true}, wanted, other, releaseWanted, releaseOther)
	if yes == 0 || no > 0 {
		t.Errorf("%d calls of the program asked for, %d of the other", yes, no)
	}
}

// newCgroup makes a cgroup, with one in it, or skips.
func newCgroup(t *testing.T) string {
	t.Helper()
	for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if unix.Statfs(mount, &fs) != nil || fs.Type != magicCgroup2 {
			continue
		}
		dir := filepath.Join(mount, "filerace-test-"+strconv.Itoa(os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(os.Remove(filepath.Join(dir, "inner")), os.Remove(dir)); err != nil {
				t.Error(err)
			}
		})
		if err := os.Mkdir(filepath.Join(dir, "inner"), 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	t.Skip("no cgroup v2 is mounted")
	return ""
}

func TestACgroupAndThoseInIt(t *testing.T) {
	dir := newCgroup(t)
	wanted, releaseWanted := shell(t, ": >f")
	other, releaseOther := shell(t, ": >f")
	pid := strconv.Itoa(wanted.Process.Pid)
	if err := os.WriteFile(filepath.Join(dir, "inner", "cgroup.procs"), []byte(pid), 0); err != nil {
		t.Skip(err)
	}
	yes, no := callers(t, Options{Cgroup: dir, NoStart: true}, wanted, other, releaseWanted, releaseOther)
	if yes == 0 || no > 0 {
		t.Errorf("%d calls out of the cgroup, %d out of another", yes, no)
	}
	if _, err := Open(Options{Cgroup: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "not a directory of cgroup v2") {
		t.Errorf("another directory: %v", err)
	}
}

func TestProcessesAloneAndTrees(t *testing.T) {
	for _, tree := range []bool{false, true} {
		wanted, releaseWanted := shell(t, ": >own; sh -c ': >child'; true")
		other, releaseOther := shell(t, ": >own")
		opt := Options{PIDs: []int{wanted.Process.Pid}}
		if tree {
			opt = Options{Trees: []int{wanted.Process.Pid}}
		}
		p := watchHere(t, opt)
		releaseOther()
		releaseWanted()
		p.Stop()
		own, child := 0, 0
		for _, r := range rest(t, p) {
			switch {
			case r.What != trace.Returned || r.Op.Call == nil:
			case r.Op.PID == other.Process.Pid:
				t.Errorf("tree %t: %v was not asked for", tree, r.Op)
			case r.Op.PID == wanted.Process.Pid:
				own++
			default:
				child++
			}
		}
		if own == 0 || (child > 0) != tree {
			t.Errorf("tree %t: %d calls of the process, %d of its child", tree, own, child)
		}
	}
}

func TestWhatIsMissingIsTold(t *testing.T) {
	if err := privileged(); err != nil {
		t.Skip(err)
	}
	defer func(types func() (*btf.Spec, error), programs func(*ebpf.CollectionSpec) (*ebpf.Collection, error)) {
		kernelTypes, newCollection = types, programs
	}(kernelTypes, newCollection)
	fails := func(err error) func(*ebpf.CollectionSpec) (*ebpf.Collection, error) {
		return func(*ebpf.CollectionSpec) (*ebpf.Collection, error) { return nil, err }
	}
	for _, c := range []struct {
		types   error
		program error
		feature string
		least   string
		hint    string
	}{
		{types: btf.ErrNotFound, feature: "type information (BTF)", least: leastKernel, hint: "CONFIG_DEBUG_INFO_BTF"},
		{program: fmt.Errorf("map events: %w", unix.ENOMEM), feature: "no memory", hint: "smaller"},
		{program: fmt.Errorf("map create: %w", unix.EPERM), feature: "privilege", hint: "CAP_BPF"},
		{program: fmt.Errorf("program enter: %w", ebpf.ErrNotSupported), feature: "tracing programs", least: leastKernel, hint: "CONFIG_BPF_SYSCALL"},
	} {
		kernelTypes = func() (*btf.Spec, error) { return nil, c.types }
		newCollection = fails(c.program)
		p, err := Open(Options{})
		if p != nil {
			p.Close()
		}
		var u *Unavailable
		if !errors.As(err, &u) || !errors.Is(err, ErrUnavailable) || !strings.Contains(u.Feature, c.feature) || u.Least != c.least || !strings.Contains(u.Hint, c.hint) {
			t.Errorf("%+v: got %v, %+v", c, err, u)
		}
		if c.program != nil && !errors.Is(err, errors.Unwrap(c.program)) {
			t.Errorf("%v does not tell what the kernel said", err)
		}
	}
}

func init() {
	actors["flags"] = func([]string) {
		fd, err := unix.Open("f", unix.O_RDWR|unix.O_CREAT, 0o600)
		if err != nil {
			panic(err)
		}
		for _, flags := range []int{unix.O_NONBLOCK, unix.O_APPEND, unix.O_APPEND | unix.O_NONBLOCK, 0, 0} {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags); err != nil {
				panic(err)
			}
		}
		for _, s := range [][2]int{{0, unix.SEEK_CUR}, {1, unix.SEEK_CUR}, {0, unix.SEEK_END}, {0, unix.SEEK_SET}} {
			if _, err := unix.Seek(fd, int64(s[0]), s[1]); err != nil {
				panic(err)
			}
		}
		for _, err := range []error{os.Symlink("f", "l"), look("f"), look("l"), look("none"), os.Remove("f"), os.Remove("l")} {
			if err != nil && err != unix.EINVAL && err != unix.ENOENT {
				panic(err)
			}
		}
		came := make(chan os.Signal, 1)
		signal.Notify(came, unix.SIGUSR1)
		for _, send := range []func() error{
			func() error { return unix.Kill(os.Getpid(), unix.SIGUSR1) },
			exec.Command("sh", "-c", "kill -USR1 $PPID").Run,
		} {
			if err := send(); err != nil {
				panic(err)
			}
			<-came
		}
	}
}

func look(name string) error {
	_, err := unix.Readlink(name, make([]byte, 8))
	return err
}

// Calls that make no difference to others are left out if that is asked for.
func TestNoIdle(t *testing.T) {
	const all = "flags 0, flags 0, flags 1024, flags 2048, flags 3072, got, got, readlink f: 22, readlink l: 0, readlink none: 2, " +
		"seek 0 by 0, seek 0 by 1, seek 0 by 2, seek 1 by 1, sent, sent by a child"
	const some = "flags 0, flags 1024, got, readlink l: 0, readlink none: 2, seek 0 by 0, seek 0 by 2, seek 1 by 1, sent by a child"
	for noIdle, want := range map[bool]string{false: all, true: some} {
		cmd, release := actor(t, "flags")
		p := watchHere(t, Options{Trees: []int{cmd.Process.Pid}, NoIdle: noIdle})
		release()
		p.Stop()
		var got []string
		for _, r := range rest(t, p) {
			switch o := r.Op; {
			case r.What != trace.Returned:
			case o.Kind == op.Kill && o.PID != cmd.Process.Pid:
				got = append(got, "sent by a child")
			case o.PID != cmd.Process.Pid:
			case o.Kind == op.SetFlags && o.File.Type == op.Regular:
				got = append(got, fmt.Sprint("flags ", o.Flags))
			case o.Kind == op.Seek:
				got = append(got, fmt.Sprintf("seek %d by %d", o.Off, o.Whence))
			case o.Kind == op.Readlink:
				got = append(got, fmt.Sprintf("readlink %s: %d", o.Path, o.Errno()))
			case o.Kind == op.Kill && o.Signal == int32(unix.SIGUSR1):
				got = append(got, "sent")
			case o.Kind == op.Signal && o.Signal == int32(unix.SIGUSR1):
				got = append(got, "got")
			}
		}
		slices.Sort(got) // a signal may come before kill(2) returns
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("NoIdle %v: told\n%s\nwant\n%s", noIdle, text, want)
		}
	}
}
