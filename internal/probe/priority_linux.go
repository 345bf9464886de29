//go:build linux && (amd64 || arm64)

package probe

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// niceness of the reader. Events come at the pace of all processors together; where many
// processes want them, one that gets its fair share reads too slowly, and the ring runs over. The work
// to be done stays the same, only when it is done changes.
const niceness = -15

// pumpNiceness is that of the thread that empties the ring.
const pumpNiceness = -19

// hurry gives this process precedence over others, as far as it is allowed to, until the
// returned function is called. Priorities belong to threads, and new threads
// inherit that of the one that made them (sched(7)), so a second round finds those that were
// made during the first.
func hurry() (end func()) {
	was, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil || 20-was <= niceness {
		return func() {}
	}
	setNice(niceness)
	return func() { setNice(20 - was) } // the call returns 20 - nice (getpriority(2), NOTES)
}

func setNice(n int) {
	for range 2 {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return
		}
		for _, t := range threads {
			if tid, err := strconv.Atoi(t.Name()); err == nil && unix.Setpriority(unix.PRIO_PROCESS, tid, n) != nil {
				return
			}
		}
	}
}
