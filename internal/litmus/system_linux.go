package litmus

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// memoryFile is a file without a name, in memory.
func memoryFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("filerace-litmus", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "memory"), nil
}

var (
	clockBase   = time.Now()
	clockOffset = calibrate()
)

// calibrate returns what must be added to the time since clockBase to get
// CLOCK_MONOTONIC. The package time reads the same clock without a system call
// (25 ns instead of 250), but from a zero of its own.
func calibrate() int64 {
	best, offset := int64(1<<62), int64(0)
	for range 16 {
		var ts unix.Timespec
		before := int64(time.Since(clockBase))
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
		after := int64(time.Since(clockBase))
		if after-before < best {
			best, offset = after-before, ts.Nano()-(before+after)/2
		}
	}
	return offset
}

// now is the time in ns on a clock that all processes share: CLOCK_MONOTONIC.
func now() int64 { return int64(time.Since(clockBase)) + clockOffset }

func yield() { unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// asleep tells whether a thread sleeps in the kernel (proc_pid_stat(5), state).
func asleep(pid, tid int) (bool, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/stat", pid, tid))
	if err != nil {
		return false, err
	}
	// The name in parentheses may hold anything, parentheses too.
	text := string(b)
	i := strings.LastIndexByte(text, ')')
	return i >= 0 && i+2 < len(text) && (text[i+2] == 'S' || text[i+2] == 'D'), nil
}

// sleepExactly lets short sleeps of the calling thread end on time; otherwise they
// may take 50 µs longer (prctl(2), PR_SET_TIMERSLACK).
func sleepExactly() { unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) }

func threadID() int { return unix.Gettid() }

// pin keeps the calling thread on one of the processors that it may use, the
// i-th in turn.
func pin(i int) {
	var may unix.CPUSet
	if unix.SchedGetaffinity(0, &may) != nil || may.Count() < 2 {
		return
	}
	i %= may.Count()
	for cpu := range int(unsafe.Sizeof(may)) * 8 {
		if !may.IsSet(cpu) {
			continue
		}
		if i == 0 {
			var one unix.CPUSet
			one.Set(cpu)
			unix.SchedSetaffinity(0, &one)
			return
		}
		i--
	}
}
