package openhold

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Watcher holds opens of regular files in the directories it watches. Opens of
// directories are let through, and so are all of the calling process.
type Watcher struct {
	// Opens delivers what is held, in the order of the kernel's events. It is closed
	// by Close. Nobody needs to receive for other opens to go on.
	Opens <-chan *Open

	hold  func(*Open) bool
	queue int           // the kernel's event queue
	stop  int           // an eventfd(2) that ends the reader
	done  chan struct{} // closed when the reader has ended

	mu     sync.Mutex // guards what follows, and queue against being closed while in use
	held   map[*heldOpen]bool
	closed bool
}

// Watch holds the opens of files in dirs (their entries, not the whole trees) that
// hold says yes to; nil: all of other processes. All others go on at once. hold is called
// from one goroutine while the opener waits; it must not wait for one.
func Watch(hold func(*Open) bool, dirs ...string) (*Watcher, error) {
	return watch(hold, unix.FAN_EVENT_ON_CHILD, 0, dirs)
}

// WatchMount holds opens of files anywhere in the mount that dir is on, through
// that mount. The whole mount waits for this process: use one of its own, a bind
// mount in a private namespace if need be.
func WatchMount(hold func(*Open) bool, dir string) (*Watcher, error) {
	return watch(hold, 0, unix.FAN_MARK_MOUNT, []string{dir})
}

// Pids is a hold of the opens of some processes.
func Pids(pids ...int) func(*Open) bool {
	return func(o *Open) bool { return slices.Contains(pids, o.PID) }
}

func watch(hold func(*Open) bool, mask uint64, flags uint, dirs []string) (*Watcher, error) {
	w, err := newWatcher(hold)
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		if err := w.mark(dir, mask, flags); err != nil {
			unix.Close(w.queue)
			unix.Close(w.stop)
			return nil, err
		}
	}
	opens := make(chan *Open)
	w.Opens = opens
	found := make(chan *Open)
	go w.read(found)
	go deliver(found, opens)
	return w, nil
}

// newWatcher opens the event queue. The kernel opens a descriptor for each event in
// our name: O_NONBLOCK keeps that from waiting for somebody's lease.
func newWatcher(hold func(*Open) bool) (*Watcher, error) {
	flags := uint(unix.FAN_CLASS_CONTENT | unix.FAN_CLOEXEC | unix.FAN_NONBLOCK |
		unix.FAN_UNLIMITED_QUEUE | unix.FAN_UNLIMITED_MARKS | unix.FAN_REPORT_TID)
	queue, err := unix.FanotifyInit(flags, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_LARGEFILE)
	if err != nil {
		return nil, fmt.Errorf("watch opens by fanotify: %w", because(err))
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(queue)
		return nil, fmt.Errorf("watch opens by fanotify: %w", err)
	}
	return &Watcher{hold: hold, queue: queue, stop: stop, done: make(chan struct{}), held: map[*heldOpen]bool{}}, nil
}

// because tells the cause of a refusal.
func because(err error) error {
	switch err {
	case unix.EPERM, unix.EACCES:
		return fmt.Errorf("%w: %w", ErrPrivilege, err)
	case unix.EINVAL, unix.ENOSYS, unix.ENODEV, unix.EOPNOTSUPP:
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	case unix.EAGAIN:
		return fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return err
}

func (w *Watcher) mark(dir string, mask uint64, flags uint) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return os.ErrClosed
	}
	err := unix.FanotifyMark(w.queue, unix.FAN_MARK_ADD|unix.FAN_MARK_ONLYDIR|flags, unix.FAN_OPEN_PERM|mask, unix.AT_FDCWD, dir)
	if err != nil {
		return fmt.Errorf("watch the opens in %s: %w", dir, because(err))
	}
	return nil
}

// Add watches one more directory.
func (w *Watcher) Add(dir string) error { return w.mark(dir, unix.FAN_EVENT_ON_CHILD, 0) }

// read answers or hands on every event until it is stopped. It waits in poll(2)
// and not in the runtime's poller: while a thread of this process waits for an
// answer inside an open, the runtime may look at its poller only every 10 ms.
func (w *Watcher) read(found chan<- *Open) {
	defer close(w.done)
	defer close(found)
	buf := make([]byte, 64*metadataSize)
	for {
		fds := []unix.PollFd{{Fd: int32(w.queue), Events: unix.POLLIN}, {Fd: int32(w.stop), Events: unix.POLLIN}}
		unix.Poll(fds, -1)
		if fds[1].Revents != 0 {
			return
		}
		// An event whose file cannot be opened for us is answered with FAN_DENY by the
		// kernel, and read(2) fails; the next one is as good as if it had not been.
		n, _ := unix.Read(w.queue, buf)
		for b := buf[:max(n, 0)]; len(b) >= metadataSize; {
			e := (*unix.FanotifyEventMetadata)(unsafe.Pointer(&b[0]))
			if int(e.Event_len) < metadataSize || int(e.Event_len) > len(b) {
				break
			}
			if e.Fd >= 0 { // a queue overflow has none
				w.event(e, found)
			}
			b = b[e.Event_len:]
		}
	}
}

const metadataSize = int(unsafe.Sizeof(unix.FanotifyEventMetadata{}))

func (w *Watcher) event(e *unix.FanotifyEventMetadata, found chan<- *Open) {
	h := &heldOpen{w: w, fd: int(e.Fd)}
	w.mu.Lock()
	w.held[h] = true
	w.mu.Unlock()
	o := &Open{TID: int(e.Pid), PID: processOf(int(e.Pid)), held: h}
	if o.PID == os.Getpid() {
		o.Allow()
		return
	}
	o.find(h.fd)
	if w.hold != nil && !w.hold(o) {
		o.Allow()
		return
	}
	found <- o
}

// deliver keeps what is held until it is received, so that the reader never waits.
func deliver(found <-chan *Open, opens chan<- *Open) {
	defer close(opens)
	var waiting []*Open
	for {
		var out chan<- *Open
		var first *Open
		if len(waiting) > 0 {
			out, first = opens, waiting[0]
		}
		select {
		case o, ok := <-found:
			if !ok {
				return
			}
			waiting = append(waiting, o)
		case out <- first:
			waiting = waiting[1:]
		}
	}
}

// Close lets every held open go on and stops watching. The second time it returns os.ErrClosed.
func (w *Watcher) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return os.ErrClosed
	}
	w.closed = true
	w.mu.Unlock()
	unix.Write(w.stop, binary.NativeEndian.AppendUint64(nil, 1))
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	for h := range w.held {
		h.release()
	}
	unix.Close(w.stop)
	return unix.Close(w.queue)
}
