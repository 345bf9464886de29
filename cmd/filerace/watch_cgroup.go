package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// cgroupDir finds the directory of a cgroup (v2): a directory below the mount, a path
// as in /proc/PID/cgroup, or the cgroup's id, which is its directory's inode number.
func cgroupDir(text string) (string, error) {
	mount, err := cgroupMount()
	if err != nil {
		return "", err
	}
	if id, err := strconv.ParseUint(text, 10, 64); err == nil {
		return cgroupByID(mount, id)
	}
	for _, dir := range []string{filepath.Clean(text), filepath.Join(mount, text)} {
		info, err := os.Stat(dir)
		within := dir == mount || strings.HasPrefix(dir, mount+"/")
		if err == nil && info.IsDir() && within {
			return dir, nil
		}
	}
	return "", &remedied{fmt.Errorf("there is no cgroup %q", text), "give a directory below " + mount + ", a path as in /proc/PID/cgroup after 0::, or an id"}
}

// cgroupMount is where cgroup v2 is mounted (proc(5), mountinfo).
func cgroupMount() (string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("find the cgroups: %w", err)
	}
	for line := range bytes.Lines(text) {
		before, after, ok := strings.Cut(string(line), " - ")
		if f := strings.Fields(before); ok && strings.HasPrefix(after, "cgroup2 ") && len(f) > 4 {
			return f[4], nil
		}
	}
	return "", &remedied{errors.New("there are no cgroups of version 2 here"), "mount them: mount -t cgroup2 none /sys/fs/cgroup"}
}

func cgroupByID(mount string, id uint64) (found string, err error) {
	filepath.WalkDir(mount, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && uint64(st.Ino) == id {
			found = dir
			return filepath.SkipAll
		}
		return nil
	})
	if found == "" {
		return "", &remedied{fmt.Errorf("there is no cgroup with the id %d", id), "ls -id tells the id of a cgroup's directory"}
	}
	return found, nil
}
