package logs

import (
	"bytes"
	"slices"

	"filerace/internal/op"
)

// perfNames are the names that the kernel's system call definitions have for the
// arguments of each kind (include/linux/syscalls.h), which perf trace prints.
var perfNames = map[op.Arg][]string{
	op.ArgFD:       {"fd", "fildes", "oldfd", "fd_out", "out_fd", "sockfd", "epfd"},
	op.ArgFD2:      {"newfd", "fd_in", "in_fd"},
	op.ArgLastFD:   {"max_fd"},
	op.ArgDirFD:    {"dfd", "olddfd", "newdfd"},
	op.ArgDirFD2:   {"newdfd"},
	op.ArgPath:     {"filename", "pathname", "path", "name", "oldname", "newname"},
	op.ArgPath2:    {"newname"},
	op.ArgText:     {"oldname", "name"},
	op.ArgFlags:    {"flags", "flag", "options", "type", "which_clock", "at_flags"},
	op.ArgMapFlags: {"flags"},
	op.ArgProt:     {"prot"},
	op.ArgLen:      {"count", "len", "length", "size", "nbytes"},
	op.ArgOff:      {"pos", "offset", "off", "pos_l"},
	op.ArgSeek:     {"offset"},
	op.ArgWhence:   {"whence", "origin"},
	op.ArgFlock:    {"cmd", "operation"},
	op.ArgCmd:      {"cmd"},
	op.ArgFcntl:    {"arg"},
	op.ArgClone:    {"clone_flags"},
	op.ArgSignal:   {"sig"},
	op.ArgStatus:   {"error_code"},
	op.ArgMillis:   {"timeout_msecs", "timeout"},
}

// perfPrefixes are what perf trace leaves away of the names of flags.
var perfPrefixes = map[op.Arg]string{
	op.ArgFlock: "LOCK_", op.ArgCmd: "F_", op.ArgClone: "CLONE_", op.ArgSignal: "SIG", op.ArgWhence: "SEEK_",
	op.ArgProt: "PROT_", op.ArgMapFlags: "MAP_", op.ArgDirFD: "AT_FD", op.ArgDirFD2: "AT_FD",
}

// flagPrefixes are the same for flags, which every kind of call has of its own.
var flagPrefixes = map[op.Kind]string{
	op.Open: "O_", op.PipeOp: "O_", op.Dup: "O_", op.Rename: "RENAME_", op.Wait: "W", op.SocketOp: "SOCK_",
	op.Allocate: "FALLOC_FL_", op.Stat: "AT_", op.AccessOp: "AT_", op.Unlink: "AT_", op.Rmdir: "AT_", op.Link: "AT_",
	op.Chmod: "AT_", op.Chown: "AT_", op.Utime: "AT_", op.Exec: "AT_", op.CloseRange: "CLOSE_RANGE_",
}

// perfArgs turns the arguments of a call, as perf trace writes them, into registers
// and memory. What perf shows as an address is unknown and stays unreadable.
func (c *call) perfArgs(parts [][]byte) {
	var used uint
	for i, kind := range c.shape.args {
		names := perfNames[kind]
		for j, p := range parts {
			key, v, ok := bytes.Cut(p, []byte(": "))
			if !ok || used&(1<<j) != 0 || !slices.Contains(names, string(key)) {
				continue
			}
			used |= 1 << j
			c.args[i] = c.perfArg(kind, v)
			break
		}
	}
	if c.rows[0].Kind == op.Sleep || c.rows[0].Kind == op.Poll {
		c.perfCounts(parts)
	}
}

func (c *call) perfArg(kind op.Arg, s []byte) uint64 {
	switch kind {
	case op.ArgPath, op.ArgPath2, op.ArgText:
		if bytes.HasPrefix(s, []byte("0x")) {
			return 0
		}
		if len(s) > 0 && s[0] == '"' {
			return c.text(s, true)
		}
		return c.mem.bytes(append(bytes.Clone(s), 0)) // older perf, with a probe on getname
	case op.ArgFlags:
		return value(s, flagPrefixes[c.rows[0].Kind])
	}
	return value(s, perfPrefixes[kind])
}

// perfCounts finds how many descriptors a poll or select waits for: none makes it
// a sleep.
func (c *call) perfCounts(parts [][]byte) {
	for _, p := range parts {
		key, v, ok := bytes.Cut(p, []byte(": "))
		if !ok || string(key) != "nfds" && string(key) != "n" {
			continue
		}
		at := 1 // poll(fds, nfds, …)
		if c.name == "select" || c.name == "pselect6" {
			at = 0
		}
		c.args[at] = value(v, "")
	}
}
