package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"filerace/internal/litmus"
)

// Build makes the file systems of these names. What cannot be made here is in
// Missing. It must be called in a process that Enter started, and keeps the
// goroutine on its thread; what it starts is killed with that thread.
func Build(names []string) (*Lab, error) {
	for _, n := range names {
		if !slices.Contains(Names(), n) {
			return nil, &UnknownError{n}
		}
	}
	if !Inside() {
		return nil, ErrOutside
	}
	runtime.LockOSThread()
	g, err := newGround()
	if err != nil {
		return nil, err
	}
	l := &Lab{ground: g}
	for _, n := range names {
		place, err := g.build(n)
		if absent, ok := errors.AsType[*absentError](err); ok {
			l.Missing = append(l.Missing, Missing{n, absent.why})
			continue
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make %s: %w", n, err), l.Close())
		}
		l.Places = append(l.Places, place)
	}
	return l, nil
}

// absentError is what this machine does not have.
type absentError struct{ why string }

func (e *absentError) Error() string { return e.why }

// build makes one file system.
func (g *ground) build(name string) (litmus.Place, error) {
	place := litmus.Place{Label: name, Dir: filepath.Join(g.dir, name)}
	switch name {
	case "tmpfs":
		return place, g.mount("none", place.Dir, "tmpfs", fmt.Sprintf("size=%d,mode=755", tmpfsSize))
	case "overlay":
		return place, g.overlay(place.Dir)
	case "fuse":
		by, err := g.fuse(place.Dir)
		place.Label = "fuse (" + by + ")"
		return place, err
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	return place, g.device(&kinds[i], place.Dir)
}

// overlay makes an overlay file system, all of whose layers are on one ext4.
func (g *ground) overlay(dir string) error {
	base, err := g.base()
	if err != nil {
		return err
	}
	layer := func(name string) string { return filepath.Join(base, "overlay-"+name) }
	for _, n := range []string{"lower", "upper", "work"} {
		if err := os.Mkdir(layer(n), 0o755); err != nil {
			return err
		}
	}
	return g.mount("overlay", dir, "overlay", fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", layer("lower"), layer("upper"), layer("work")))
}

// base is an ext4 for file systems that lie on another one.
func (g *ground) base() (string, error) {
	dir := filepath.Join(g.dir, "base")
	if g.has(dir) {
		return dir, nil
	}
	return dir, g.device(&kinds[0], dir)
}

// ground is where everything is mounted.
type ground struct {
	dir     string
	mounted []string // in order
	daemons []*daemon
}

// newGround mounts a tmpfs for the mount points over an empty directory, so that
// none of them is in a file system that lasts. Only this namespace sees it.
func newGround() (*ground, error) {
	g := new(ground)
	for _, dir := range []string{"/mnt", "/media", "/srv", "/opt"} {
		if inside, err := os.ReadDir(dir); err == nil && len(inside) == 0 {
			g.dir = dir
			break
		}
	}
	if g.dir == "" {
		return nil, errors.New("find an empty directory to mount on: /mnt, /media, /srv and /opt are in use")
	}
	if err := unix.Mount("none", g.dir, "tmpfs", 0, "mode=755"); err != nil {
		return nil, fmt.Errorf("mount on %s: %w", g.dir, err)
	}
	g.mounted = []string{g.dir}
	return g, nil
}

func (g *ground) has(dir string) bool { return slices.Contains(g.mounted, dir) }

// mount makes the directory and mounts on it.
func (g *ground) mount(source, dir, kind, options string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	err := unix.Mount(source, dir, kind, 0, options)
	if err == unix.ENODEV {
		return &absentError{"this kernel has no " + kind}
	}
	if err != nil {
		return fmt.Errorf("mount on %s: %w", dir, err)
	}
	g.mounted = append(g.mounted, dir)
	return nil
}

// Close unmounts everything; the loop devices detach themselves. The processes
// that used the places must be gone.
func (l *Lab) Close() error {
	g := l.ground
	for _, d := range g.daemons {
		d.end()
	}
	var failed []error
	for _, dir := range slices.Backward(g.mounted) {
		if err := unix.Unmount(dir, unix.UMOUNT_NOFOLLOW); err != nil && err != unix.EINVAL {
			failed = append(failed, fmt.Errorf("unmount %s: %w", dir, err), unix.Unmount(dir, unix.MNT_DETACH))
		}
	}
	g.mounted, g.daemons = nil, nil
	return errors.Join(failed...)
}
