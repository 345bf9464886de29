package safefile

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lockedBy looks for the holder of a flock(2) lock in /proc/locks; 0 if it is not
// there. A line reads
//
//	1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
//
// with the device in hexadecimal and the inode in decimal (proc_locks(5)). The device
// is that of the file system, which on btrfs is not the st_dev of its files.
func lockedBy(st *unix.Stat_t) (pid int) {
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		return 0
	}
	where := fmt.Sprintf("%02x:%02x:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), st.Ino)
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		// Those who wait have -> in the second column.
		if len(f) >= 6 && f[1] == "FLOCK" && f[5] == where {
			fmt.Sscan(f[4], &pid)
			return pid
		}
	}
	return 0
}
