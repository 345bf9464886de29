//go:build linux && (amd64 || arm64)

package probe

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/trace"
)

func init() { actors["views"] = views }

// views looks for names: from where it begins, in a mount namespace of its own, and with another root. Then it
// opens a file there, says so, and waits.
func views(args []string) {
	runtime.LockOSThread()
	do := func(err error) {
		if err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
	}
	look := func(name string) { unix.Access(name, unix.F_OK) }
	look("/view0")
	do(unix.Unshare(unix.CLONE_NEWNS))
	look("/view1")
	do(unix.Chroot(args[0]))
	do(unix.Chdir("/sub"))
	look("/view2")
	fd, err := unix.Open("f", unix.O_RDWR|unix.O_CREAT, 0o600)
	do(err)
	ready, err := unix.Open("/ready", unix.O_RDWR|unix.O_CREAT, 0o600)
	do(err)
	do(unix.Close(ready))
	os.Stdin.Read(make([]byte, 1))
	do(unix.Close(fd))
}

// needRoot skips a test that makes namespaces and changes roots.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it makes a mount namespace and changes its root directory")
	}
}

// inAnotherRoot starts views, and returns its root directory, what lets it go on, and what lets it end.
func inAnotherRoot(t *testing.T) (pid int, root string, goOn, end func()) {
	t.Helper()
	root = t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := actorIn(t, "", "views", root)
	w, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	goOn = func() {
		io.WriteString(w, "\n")
		for {
			if _, err := os.Stat(filepath.Join(root, "ready")); err == nil {
				return
			}
			if err := unix.Kill(cmd.Process.Pid, 0); err != nil {
				t.Fatal("it ended before its time")
			}
			var st unix.Siginfo
			if unix.Waitid(unix.P_PID, cmd.Process.Pid, &st, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) == nil && st.Signo != 0 {
				t.Fatal("it ended before its time")
			}
		}
	}
	end = func() {
		io.WriteString(w, "\n")
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	return cmd.Process.Pid, root, goOn, end
}

func TestViewsAreTold(t *testing.T) {
	needRoot(t)
	pid, _, goOn, end := inAnotherRoot(t)
	p := watchHere(t, Options{Trees: []int{pid}})
	goOn()
	end()
	p.Stop()
	seen := map[string]trace.View{}
	for _, r := range rest(t, p) {
		if o := r.Op; r.What == trace.Returned && o.Kind == op.AccessOp {
			seen[o.Path] = r.View
		}
	}
	if v, ok := seen["/view0"]; !ok || v != (trace.View{}) {
		t.Errorf("as it begins: %v, seen: %v", v, ok)
	}
	if v := seen["/view1"]; v.Root != 0 || v.Mounts == 0 {
		t.Errorf("in a mount namespace of its own: %v", v)
	}
	if v := seen["/view2"]; v.Root == 0 {
		t.Errorf("with another root: %v", v)
	}
}

// What is there already in another root is told as it sees it.
func TestWhatIsThereInAnotherRoot(t *testing.T) {
	needRoot(t)
	pid, _, goOn, end := inAnotherRoot(t)
	goOn()
	p := watchHere(t, Options{PIDs: []int{pid}})
	first, err := p.Next()
	if err != nil {
		t.Fatal(err)
	}
	end()
	if first.What != trace.There || first.Op.PID != pid || first.View.Root == 0 || first.Op.Path != "/sub" {
		t.Fatalf("got %d, view %v: %+v", first.What, first.View, first.Op)
	}
	for _, d := range first.Op.FDs() {
		if d.File.Path == "/sub/f" {
			return
		}
	}
	t.Errorf("descriptors %+v", first.Op.FDs())
}
