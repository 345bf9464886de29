package launcher

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"filerace/internal/op"
)

// Session says in which session and process group a command starts.
type Session uint8

// The sessions.
const (
	Same     Session = iota // the launcher's own
	NewGroup                // a process group of its own (setpgid(2))
	Own                     // a session of its own (setsid(2))
)

// Order is one command to become.
type Order struct {
	Path    string // as execve(2) takes it
	Argv    []string
	Env     []string
	Dir     string
	Session Session
}

// The layout of the area's beginning, as the assembler has it: five words; the
// outcome of chdir(2); struct msghdr; the control message with the three files;
// struct iovec and the byte that it points to. Texts come behind.
const (
	atPath    = 0
	atArgv    = 8
	atEnv     = 16
	atDir     = 24
	atSession = 32
	atRefused = 40
	atMessage = 64
	atControl = 128
	atVector  = 160
	atByte    = 176
	atTexts   = 4096
)

// Blank returns what must stand at Area before the launcher is woken. The kernel
// reads struct msghdr when recvmsg(2) is entered, before the order is written, and
// writes the files behind it, which the launcher closes when the child is on its
// way: so no order touches that part.
func Blank() []byte {
	b := make([]byte, atTexts)
	word := func(at int, v uint64) { binary.LittleEndian.PutUint64(b[at:], v) }
	word(atMessage+16, Area+atVector) // msg_iov, msg_iovlen, msg_control, msg_controllen
	word(atMessage+24, 1)
	word(atMessage+32, Area+atControl)
	word(atMessage+40, 32) // CMSG_SPACE of three ints, before and after
	word(atVector, Area+atByte)
	word(atVector+8, 1)
	return b
}

// Refusal is the error number with which the last child's chdir(2) failed, 0 if it
// did not.
func Refusal(m op.Memory) int {
	var b [8]byte
	if n, _ := m.ReadMemory(Area+atRefused, b[:]); n != len(b) {
		return 0
	}
	return -int(int64(binary.LittleEndian.Uint64(b[:])))
}

// Layout returns what must stand where, by address, when the message with the
// three standard files arrives at the launcher.
func (o *Order) Layout() (map[uint64][]byte, error) {
	for _, text := range slices.Concat([]string{o.Path, o.Dir}, o.Argv, o.Env) {
		if strings.IndexByte(text, 0) >= 0 {
			return nil, fmt.Errorf("%.40q has a NUL byte in it", text)
		}
	}
	var b []byte
	text := func(s string) uint64 {
		at := len(b)
		b = append(append(b, s...), 0)
		return Area + atTexts + uint64(at)
	}
	list := func(texts []string) uint64 {
		pointers := make([]uint64, len(texts)+1)
		for i, s := range texts {
			pointers[i] = text(s)
		}
		b = append(b, make([]byte, -len(b)&7)...)
		at := len(b)
		for _, p := range pointers {
			b = binary.LittleEndian.AppendUint64(b, p)
		}
		return Area + atTexts + uint64(at)
	}
	head := make([]byte, atMessage)
	for at, v := range map[int]uint64{
		atPath: text(o.Path), atDir: text(o.Dir), atArgv: list(o.Argv), atEnv: list(o.Env), atSession: sessionCall[o.Session],
	} {
		binary.LittleEndian.PutUint64(head[at:], v)
	}
	if len(b) > AreaSize-atTexts {
		return nil, fmt.Errorf("arguments and environment take %d bytes, more than %d", len(b), AreaSize-atTexts)
	}
	return map[uint64][]byte{Area: head, Area + atTexts: b}, nil
}
