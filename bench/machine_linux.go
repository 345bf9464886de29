package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// becomeReaper makes orphans among the descendants children of this process.
func becomeReaper() { unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// onCore calls start in a thread that is bound to one processor core, which a
// process that it starts inherits (sched_setaffinity(2)). Core -1: any.
func onCore(core int, start func() error) error {
	if core < 0 {
		return start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("read the processor affinity: %w", err)
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("bind to core %d: %w", core, err)
	}
	defer unix.SchedSetaffinity(0, &before)
	return start()
}

// lastCore is the highest core on which this process may run: interrupts go to
// the lowest on most machines.
func lastCore() int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return 0
	}
	for core := 8*len(set)*8 - 1; core > 0; core-- {
		if set.IsSet(core) {
			return core
		}
	}
	return 0
}

// tracing is where perf, bpftrace and opensnoop look for the kernel's tracepoints.
const tracing = "/sys/kernel/tracing"

// mountTracing mounts tracefs if it is not there, and returns what takes it away again.
// Where it may not be mounted the tools say what they miss.
func mountTracing() (unmount func()) {
	if _, err := os.Stat(tracing + "/events"); err == nil || unix.Mount("tracefs", tracing, "tracefs", 0, "") != nil {
		return func() {}
	}
	return func() { unix.Unmount(tracing, 0) }
}

var modelName = regexp.MustCompile(`(?m)^model name\s*: (.*)$`)

// before is the load average at the start, of what else goes on here.
var before, _ = os.ReadFile("/proc/loadavg")

// machine describes where the figures were taken, in one line.
func machine() string {
	kernel, model := "an unknown kernel", runtime.GOARCH
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
	text, _ := os.ReadFile("/proc/cpuinfo")
	if m := modelName.FindSubmatch(text); m != nil {
		model = string(m[1])
	}
	cores := "cores"
	if runtime.NumCPU() == 1 {
		cores = "core"
	}
	load, _, _ := strings.Cut(string(before), " ")
	return fmt.Sprintf("machine: %s, %s, %d %s, %s; load before: %s", kernel, model, runtime.NumCPU(), cores, runtime.Version(), load)
}
