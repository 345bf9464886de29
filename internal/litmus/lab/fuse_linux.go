package lab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// passThrough is a FUSE file system that shows a directory of another one.
type passThrough struct {
	program string
	args    func(base, dir string) []string
}

// passThroughs are tried in this order. -f keeps them in the foreground, where they
// are our children and end with us.
var passThroughs = []passThrough{
	{"bindfs", func(base, dir string) []string { return []string{"-f", base, dir} }},
	{"fuse-overlayfs", func(base, dir string) []string {
		layer := func(n string) string { return filepath.Join(base, n) }
		return []string{"-f", "-o", "lowerdir=" + layer("lower") + ",upperdir=" + layer("upper") + ",workdir=" + layer("work"), dir}
	}},
}

// daemon is a file system that is a process.
type daemon struct {
	cmd  *exec.Cmd
	said bytes.Buffer
	done chan struct{} // closed when it has ended
}

// fuse mounts a pass-through over ext4 and tells by which program.
func (g *ground) fuse(dir string) (by string, err error) {
	var path string
	var p *passThrough
	for i := range passThroughs {
		p = &passThroughs[i]
		if path = program(p.program); path != "" {
			break
		}
	}
	if path == "" {
		return "", &absentError{"no pass-through is installed (Debian: bindfs or fuse-overlayfs)"}
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		return "", &absentError{"this machine has no FUSE: " + err.Error()}
	}
	base, err := g.base()
	if err != nil {
		return "", err
	}
	base = filepath.Join(base, "fuse")
	for _, d := range []string{dir, base, filepath.Join(base, "lower"), filepath.Join(base, "upper"), filepath.Join(base, "work")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return "", err
		}
	}
	return p.program, g.serve(path, dir, p.args(base, dir))
}

// serve starts the file system's process and waits until it is mounted.
func (g *ground) serve(path, dir string, args []string) error {
	d := &daemon{cmd: exec.Command(path, args...), done: make(chan struct{})}
	d.cmd.Stdout, d.cmd.Stderr = &d.said, &d.said
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		return err
	}
	g.daemons = append(g.daemons, d)
	go func() {
		d.cmd.Wait()
		close(d.done)
	}()
	for {
		var st unix.Statfs_t
		if unix.Statfs(dir, &st) == nil && st.Type == unix.FUSE_SUPER_MAGIC {
			g.mounted = append(g.mounted, dir)
			return nil
		}
		select {
		case <-d.done:
			first, _, _ := strings.Cut(strings.TrimSpace(d.said.String()), "\n")
			return fmt.Errorf("%s: %v: %s", filepath.Base(path), d.cmd.ProcessState, first)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// end asks the process to unmount and end.
func (d *daemon) end() {
	d.cmd.Process.Signal(unix.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(5 * time.Second):
		d.cmd.Process.Kill()
		<-d.done
	}
}
