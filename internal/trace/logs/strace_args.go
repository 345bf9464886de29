package logs

import (
	"bytes"
	"encoding/binary"

	"filerace/internal/op"
)

// straceArgs turns the arguments of a call, as strace writes them, into registers
// and memory. parts are the arguments in order.
func (c *call) straceArgs(parts [][]byte) {
	for i, kind := range c.shape.args {
		if i < len(parts) && i < len(c.args) {
			c.args[i] = c.straceArg(kind, parts[i], i)
		}
	}
	switch {
	case c.rows[0].Kind == op.Fork:
		c.cloneFlags(parts)
	case len(parts) == 5 && (c.name == "preadv2" || c.name == "pwritev2"):
		c.args[5], c.args[4] = c.args[4], 0 // strace writes the two halves of the offset as one
	}
}

// cloneFlags finds clone's flags, which strace writes by name.
func (c *call) cloneFlags(parts [][]byte) {
	if c.name != "clone" {
		return
	}
	c.args[0] = 0
	for _, p := range parts {
		if flags, ok := bytes.CutPrefix(p, []byte("flags=")); ok {
			c.args[0] = value(flags, "")
		}
	}
}

func (c *call) straceArg(kind op.Arg, s []byte, i int) uint64 {
	switch kind {
	case op.ArgFD, op.ArgFD2, op.ArgDirFD, op.ArgDirFD2:
		return c.descriptor(kind, s)
	case op.ArgPath, op.ArgPath2, op.ArgText:
		return c.text(s, true)
	case op.ArgBuf, op.ArgPtr: // strace shows what a pointer to text leads to
		return c.text(s, false)
	case op.ArgNone:
		return 0
	case op.ArgIov:
		return c.iovecs(s, i)
	case op.ArgOffPtr, op.ArgOffPtr2:
		if body, ok := inner(s, '['); ok {
			return c.mem.words(value(cutAt(body, ']'), ""))
		}
		return value(s, "")
	case op.ArgFDPair:
		return c.pair(s)
	}
	if len(s) > 0 && (s[0] == '{' || s[0] == '[') {
		return c.structure(kind, s)
	}
	return value(s, "")
}

// descriptor reads a number or AT_FDCWD, and what -y wrote behind it.
func (c *call) descriptor(kind op.Arg, s []byte) uint64 {
	v := value(s, "")
	f, ok := decoration(s)
	if !ok {
		return v
	}
	switch kind {
	case op.ArgFD:
		c.file = f
	case op.ArgFD2:
		c.file2 = f
	case op.ArgDirFD:
		c.dir = f
	case op.ArgDirFD2:
		c.dir2 = f
	}
	return v
}

// decoration reads what stands between angle brackets behind a descriptor.
func decoration(s []byte) (op.File, bool) {
	i := bytes.IndexByte(s, '<')
	if i < 0 {
		return op.File{}, false
	}
	end := decorationEnd(s, i)
	if end < i+2 {
		return op.File{}, false
	}
	text, device, _ := bytes.Cut(s[i+1:end-1], []byte("<"))
	if bytes.IndexByte(text, '\\') >= 0 {
		text = unescape(nil, text)
	}
	return fileOf(string(text), string(device), bytes.HasPrefix(s[end:], []byte("(deleted)"))), true
}

// text stores a string; one that strace cut short ends in unreadable memory, so
// that it is not taken for the whole.
func (c *call) text(s []byte, terminated bool) uint64 {
	if len(s) == 0 || s[0] != '"' {
		return 0 // NULL, or an address that strace could not read
	}
	end := quoteEnd(s, 0)
	addr := c.mem.begin()
	c.mem.buf = unescape(c.mem.buf, s[1:end])
	if terminated && !bytes.HasPrefix(s[end+1:], []byte("...")) {
		c.mem.buf = append(c.mem.buf, 0)
	}
	c.mem.end()
	return addr
}

// structure stores what strace writes as members in braces or values in brackets.
func (c *call) structure(kind op.Arg, s []byte) uint64 {
	get := func(name string, position int) uint64 { return value(member(s, name, position), "") }
	switch kind {
	case op.ArgFcntl:
		return c.flock(get)
	case op.ArgHow:
		return c.mem.words(get("flags", 0), get("mode", 1), get("resolve", 2))
	case op.ArgCloneArgs:
		return c.mem.words(get("flags", 0))
	case op.ArgTime:
		return c.mem.words(get("tv_sec", 0), get("tv_nsec", 1))
	case op.ArgTimeval:
		return c.mem.words(get("tv_sec", 0), get("tv_usec", 1))
	case op.ArgSigInfo:
		return c.sigInfo(get)
	case op.ArgWaitStatus:
		return c.int32s(waitStatus(s[1:]))
	}
	return 0
}

// flock stores a struct flock: short type, short whence, padding, start, length.
func (c *call) flock(get func(string, int) uint64) uint64 {
	head := get("l_type", 0)&0xffff | get("l_whence", 1)&0xffff<<16
	return c.mem.words(head, get("l_start", 2), get("l_len", 3))
}

// sigInfo stores the part of a siginfo_t that waitid's caller reads: si_signo,
// si_errno, si_code, padding, si_pid, si_uid, si_status.
func (c *call) sigInfo(get func(string, int) uint64) uint64 {
	return c.int32s(uint32(get("si_signo", maxArgs)), 0, uint32(get("si_code", maxArgs)), 0,
		uint32(get("si_pid", maxArgs)), uint32(get("si_uid", maxArgs)), uint32(get("si_status", maxArgs)))
}

func (c *call) int32s(values ...uint32) uint64 {
	addr := c.mem.begin()
	for _, v := range values {
		c.mem.buf = binary.LittleEndian.AppendUint32(c.mem.buf, v)
	}
	c.mem.end()
	return addr
}

// pair reads the two descriptors of pipe and socketpair.
func (c *call) pair(s []byte) uint64 {
	body, ok := inner(s, '[')
	if !ok {
		return 0
	}
	var parts [2][]byte
	if n, _, _ := split(body, parts[:]); n < 2 {
		return 0
	}
	return c.int32s(uint32(value(parts[0], "")), uint32(value(parts[1], "")))
}

// iovecs stores vectors, [{iov_base="abc", iov_len=3}, …], without names in
// older logs. If strace left some out, their lengths are not known, and neither is the sum.
func (c *call) iovecs(s []byte, i int) uint64 {
	body, ok := inner(s, '[')
	if !ok {
		return 0
	}
	var parts [maxArgs][]byte
	n, _, _ := split(body, parts[:])
	words := make([]uint64, 0, 2*n)
	for _, p := range parts[:n] {
		if len(p) == 0 || p[0] != '{' {
			return 0
		}
		base := c.text(member(p, "iov_base", 0), false)
		words = append(words, base, value(member(p, "iov_len", 1), ""))
	}
	return c.mem.words(words...)
}

// waitStatus builds the status word of wait(2) from the macros by which strace
// explains it.
func waitStatus(s []byte) uint32 {
	after := func(macro string) (uint32, bool) {
		_, rest, ok := bytes.Cut(s, []byte(macro+"(s) == "))
		return uint32(value(cutAt(cutAt(cutAt(rest, '}'), ' '), ']'), "")), ok
	}
	if status, ok := after("WEXITSTATUS"); ok {
		return status & 0xff << 8
	}
	if sig, ok := after("WTERMSIG"); ok {
		return sig & 0x7f
	}
	if sig, ok := after("WSTOPSIG"); ok {
		return sig&0xff<<8 | 0x7f
	}
	if bytes.Contains(s, []byte("WIFCONTINUED")) {
		return 0xffff
	}
	return uint32(value(cutAt(s, ']'), ""))
}

// cutAt returns s up to the first c.
func cutAt(s []byte, c byte) []byte {
	if i := bytes.IndexByte(s, c); i >= 0 {
		return s[:i]
	}
	return s
}
