package litmus

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// fileSystem tells what a directory is on, by /proc/self/mountinfo (proc_pid_mountinfo(5)).
func fileSystem(dir string) FileSystem {
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil {
		return FileSystem{Type: "unknown"}
	}
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return FileSystem{Type: "unknown"}
	}
	defer f.Close()
	// The device number of a btrfs subvolume is not that of its mount, so the
	// longest mount point above the directory decides.
	found, longest := FileSystem{Type: "unknown"}, -1
	for lines := bufio.NewScanner(f); lines.Scan(); {
		mount, fs, ok := strings.Cut(lines.Text(), " - ")
		fields, rest := strings.Fields(mount), strings.Fields(fs)
		if !ok || len(fields) < 6 || len(rest) < 3 {
			continue
		}
		point := unescape(fields[4])
		if len(point) >= longest && (dir == point || strings.HasPrefix(dir, strings.TrimSuffix(point, "/")+"/")) {
			found, longest = FileSystem{Type: rest[0], Source: rest[1], Options: rest[2]}, len(point)
		}
	}
	return found
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// system names the kernel.
func system() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "Linux"
	}
	return fmt.Sprintf("%s %s %s", unix.ByteSliceToString(u.Sysname[:]), unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:]))
}
