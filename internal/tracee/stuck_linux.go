package tracee

import (
	"encoding/binary"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// mayWake reports whether, with nothing left to let go, the outside world can still
// wake a thread. It is false only if the kernel's own state of every thread shows that
// it waits for another thread of the run, or for a time that can be made to come.
// Otherwise timeouts count in real time: an answer that is on its way must not be
// given up.
func (c *control) mayWake() bool {
	for _, t := range c.live {
		switch {
		case t.proc == nil || t.state == ended:
			continue
		case t.barred != 0, t.breaking, t.state == stopped: // whoever stopped it may let it go on
			return true
		case t.state == asleep && c.expiry(t) == never && !c.hopeless(t):
			return true
		}
	}
	return false
}

// hopeless reports whether only another thread of this run can end the sleep.
// Sockets, terminals, devices, timeouts, pauses and calls that are not known may
// be ended from outside.
func (c *control) hopeless(t *thread) bool {
	call := t.sleepCall()
	if call == nil {
		return false
	}
	o := &op.Op{}
	op.Decode(o, call, t.sleepArg, memory(t.tid))
	switch call.Kind {
	case op.Futex, op.Poll:
		return o.Len < 0 && c.fromInside(t, o)
	}
	return c.fromInside(t, o)
}

// fromInside reports whether the call in which a thread sleeps is ended by another
// thread of this run, by time, or not at all.
func (c *control) fromInside(t *thread, o *op.Op) bool {
	switch o.Kind {
	case op.Wait:
		return true
	case op.Pause: // dash(1) waits for its children in sigsuspend(2)
		return c.hasChildren(t.proc)
	case op.Futex:
		return t.sleepArg[1]&futexPrivate != 0 || t.anonymous(t.sleepArg[0])
	case op.Read, op.Write:
		return c.inside(t, o.FD)
	case op.Open:
		return t.cur != nil && len(t.cur.Names) > 0 && c.fifos[t.cur.Names[0].Before]
	case op.Poll:
		return c.pollsInside(t, o)
	}
	return false
}

// hasChildren reports whether a child of the process is in the run.
func (c *control) hasChildren(p *process) bool {
	return slices.ContainsFunc(c.live, func(t *thread) bool {
		return t.proc != nil && t.proc.actor.Parent() == p.actor
	})
}

// anonymous reports whether the address lies in memory that no file stands for,
// so that only relatives can have it. Shared anonymous memory is shown as a
// deleted /dev/zero (shmem_zero_setup, mm/shmem.c).
func (t *thread) anonymous(addr uint64) bool {
	text, _ := os.ReadFile("/proc/" + itoa(t.tid) + "/maps")
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		from, to, ok := strings.Cut(f[0], "-")
		lo, err := strconv.ParseUint(from, 16, 64)
		hi, err2 := strconv.ParseUint(to, 16, 64)
		if ok && err == nil && err2 == nil && lo <= addr && addr < hi {
			return len(f) >= 5 && (f[4] == "0" || len(f) > 5 && f[5] == "/dev/zero")
		}
	}
	return false
}

// inside reports whether a descriptor leads to a pipe or an eventfd that the run
// has made for itself.
func (c *control) inside(t *thread, fd int) bool {
	f := c.names.descriptor(t.proc.pid, fd)
	switch {
	case c.given[f.ID]:
		return false
	case strings.HasPrefix(f.Path, "anon_inode:[eventfd]"):
		return true
	case f.Type == op.Pipe:
		return strings.HasPrefix(f.Path, "pipe:") || c.fifos[f.ID]
	}
	return false
}

// pollsInside is inside for all that poll(2) or epoll_wait(2) waits for.
func (c *control) pollsInside(t *thread, o *op.Op) bool {
	switch o.Call.Name {
	case "poll", "ppoll":
		n := t.sleepArg[1]
		if n > 64 {
			return false
		}
		set := make([]byte, 8*n) // struct pollfd: int fd; short events, revents
		if got, _ := memory(t.tid).ReadMemory(t.sleepArg[0], set); got != len(set) {
			return false
		}
		for ; len(set) > 0; set = set[8:] {
			if fd := int(int32(binary.LittleEndian.Uint32(set))); fd >= 0 && !c.inside(t, fd) {
				return false
			}
		}
		return true
	case "select", "pselect6":
		return c.selectsInside(t)
	case "epoll_wait", "epoll_pwait", "epoll_pwait2":
		text, err := os.ReadFile("/proc/" + itoa(t.proc.pid) + "/fdinfo/" + itoa(o.FD))
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "tfd:" {
				if fd, err := strconv.Atoi(f[1]); err != nil || !c.inside(t, fd) {
					return false
				}
			}
		}
		return true
	}
	return false
}

// deadlock ends a run in which every thread waits for another.
func (c *control) deadlock() {
	c.res.Stopped = true
	for _, t := range c.sorted() {
		o := t.cur
		if o == nil && t.state == asleep {
			if call := t.sleepCall(); call != nil {
				o = &op.Op{}
				op.Decode(o, call, t.sleepArg, memory(t.tid))
				c.stamp(t, o)
			}
		}
		if o != nil {
			c.res.Deadlock = append(c.res.Deadlock, o)
		}
	}
}

// tgid is the process that a thread belongs to, 0 if it is gone.
func tgid(tid int) int {
	text, _ := os.ReadFile("/proc/" + itoa(tid) + "/status")
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "Tgid:"); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(v))
			return n
		}
	}
	return 0
}

// privileged reports whether the file would have given the process other rights.
func privileged(st *unix.Statx_t, euid, egid uint32) bool {
	return st.Mode&unix.S_ISUID != 0 && st.Uid != euid ||
		st.Mode&(unix.S_ISGID|unix.S_IXGRP) == unix.S_ISGID|unix.S_IXGRP && st.Gid != egid
}
