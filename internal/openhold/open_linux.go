package openhold

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// heldOpen is the kernel's side of an Open. Its descriptor of the file names
// the event in the answer, so it stays open until then.
type heldOpen struct {
	w  *Watcher
	fd int // -1: answered
}

// find fills in the file that was found.
func (o *Open) find(fd int) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil {
		o.File.Dev, o.File.Ino, o.Links = uint64(st.Dev), st.Ino, uint64(st.Nlink)
	}
	o.Path, _ = os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
}

// Allow lets the open go on: it returns the file that was found, whatever has
// become of its name.
func (o *Open) Allow() error { return o.answer(unix.FAN_ALLOW) }

// Deny makes the open fail with EPERM.
func (o *Open) Deny() error { return o.answer(unix.FAN_DENY) }

func (o *Open) answer(response uint32) error {
	h := o.held
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	if h.fd < 0 {
		return nil
	}
	r := unix.FanotifyResponse{Fd: int32(h.fd), Response: response}
	_, err := unix.Write(h.w.queue, (*[unsafe.Sizeof(r)]byte)(unsafe.Pointer(&r))[:])
	h.release()
	if err != nil {
		return fmt.Errorf("let the open of %s go on: %w", o.Path, err)
	}
	return nil
}

// release is called with the watcher locked.
func (h *heldOpen) release() {
	unix.Close(h.fd)
	h.fd = -1
	delete(h.w.held, h)
}

// processOf returns the process of a thread, 0 if there is none.
func processOf(tid int) int {
	if tid == 0 {
		return 0
	}
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/status")
	_, after, _ := strings.Cut(string(text), "\nTgid:\t")
	number, _, _ := strings.Cut(after, "\n")
	pid, _ := strconv.Atoi(number)
	return pid
}
