package lab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// device makes a file system on a loop device and mounts it.
func (g *ground) device(k *kind, dir string) error {
	maker := program(k.maker)
	if maker == "" {
		return &absentError{k.maker + " is not installed (Debian: " + k.of + ")"}
	}
	dev, err := loopDevice()
	if err != nil {
		return err
	}
	defer dev.Close() // the mount keeps the device
	if err := run(maker, append(k.args, dev.Name())...); err != nil {
		return err
	}
	return g.mount(dev.Name(), dir, k.name, k.options)
}

// program finds a program, also where a user's PATH does not lead; "": nowhere.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// run runs a program to its end; its first words are the error.
func run(path string, args ...string) error {
	cmd := exec.Command(path, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return fmt.Errorf("%s: %w: %s", filepath.Base(path), err, first)
	}
	return nil
}

// loopDevice returns a loop device over a sparse file of Size without a name. It
// detaches itself when nobody has it open or mounted.
func loopDevice() (*os.File, error) {
	file, err := nameless(os.TempDir())
	if err != nil {
		return nil, fmt.Errorf("make a file for the loop device: %w", err)
	}
	defer file.Close() // the device keeps the file
	if err := file.Truncate(Size); err != nil {
		return nil, err
	}
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, &absentError{"this machine has no loop devices: " + err.Error()}
	}
	defer control.Close()
	for range 20 {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find a free loop device: %w", err)
		}
		dev, err := os.OpenFile("/dev/loop"+strconv.Itoa(n), os.O_RDWR, 0)
		if err != nil {
			return nil, &absentError{"no loop device is free: " + err.Error()}
		}
		set := unix.LoopConfig{Fd: uint32(file.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
		copy(set.Info.File_name[:], "filerace")
		err = unix.IoctlLoopConfigure(int(dev.Fd()), &set)
		if err == nil {
			return dev, nil
		}
		dev.Close()
		if err != unix.EBUSY { // somebody else was faster
			return nil, fmt.Errorf("set up %s: %w", dev.Name(), err)
		}
	}
	return nil, fmt.Errorf("set up a loop device: %w", unix.EBUSY)
}

// nameless makes a file that no crash leaves behind. Where there is no O_TMPFILE it
// has a name for a moment.
func nameless(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), dir), nil
	}
	f, err := os.CreateTemp(dir, "filerace-loop-")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}
