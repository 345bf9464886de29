//go:build linux && (amd64 || arm64)

package probe

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// Probe watches. It is a trace.Source.
//
// Lifetime: the kernel programs run until Stop or Close; a process that dies takes
// them along, since nothing is pinned.
type Probe struct {
	opt     Options
	coll    *ebpf.Collection
	hookErr error // why no hook sees the names change; nil: they do
	links   []link.Link
	rest    func() // ends the haste of the reader
	reader  *ringbuf.Reader
	decoder decoder
	notes   trace.Notes

	queue    []trace.Record
	rec      ringbuf.Record
	event    event
	seen     []uint64         // lost events that were told, by processor
	snapshot map[uint32]int64 // when the descriptors of a process were read, ns CLOCK_MONOTONIC
	ends     time.Time
	checked  time.Time // when the counters of lost events were last read
	extent   extent
	empty    int64 // when the ring was last found empty, ns since the start
	reached  atomic.Int64
	ring     sync.Mutex // held while the ring or a map is looked at or closed
	closed   bool

	stopping atomic.Bool
	detach   sync.Once
	closing  sync.Once
	lost     atomic.Uint64
	broken   atomic.Int64
	firstBad atomic.Pointer[string]
}

// poll is how long the reader rests between two looks at the ring. A ring that fills
// wakes it before.
const poll = 5 * time.Millisecond

// Open loads the kernel programs and begins to watch. Errors are *Unavailable if
// watching does not work here.
func Open(opt Options) (*Probe, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if err := checkVersion(release()); err != nil {
		return nil, err
	}
	p := &Probe{opt: opt, snapshot: map[uint32]int64{}}
	if err := p.open(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// release is the running kernel's; tests put an older one here.
var release = func() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

func monotonic() int64 {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}

func (p *Probe) open() (err error) {
	if p.coll, err = load(&p.opt); err != nil {
		return err
	}
	if p.reader, err = ringbuf.NewReader(p.coll.Maps[objectMapEvents]); err != nil {
		return explain("open the ring", err)
	}
	p.reader.SetDeadline(time.Now()) // the first Next must not wait for a wake-up that nobody sends
	p.seen = make([]uint64, ebpf.MustPossibleCPU())
	// The first pass tells the programs who the watcher is, before they watch.
	if _, err := p.iterate(objectProgProcesses); err != nil {
		return err
	}
	if err := p.markRoots(); err != nil {
		return err
	}
	start := time.Now()
	p.decoder = decoder{arch: op.Native, start: monotonic(), execed: map[uint32]*event{}}
	p.notes = trace.Notes{Kind: "eBPF", Start: start, Identities: true, Calls: p.opt.callsNote()}
	if p.opt.For > 0 {
		p.ends = start.Add(p.opt.For)
	}
	if err := p.attach(); err != nil {
		return err
	}
	p.rest = hurry()
	return p.takeStock()
}

// attach attaches fork before the calls, so that no child of a watched process is
// missed, and the return before the entry.
func (p *Probe) attach() error {
	for _, name := range []string{objectProgBorn, objectProgEnded, objectProgExeced, objectProgSignalled, objectProgLeave, objectProgEnter} {
		l, err := link.AttachTracing(link.TracingOptions{Program: p.coll.Programs[name]})
		if err != nil {
			return explain("attach "+name, err)
		}
		p.links = append(p.links, l)
	}
	p.hookErr = p.attachHooks()
	return nil
}

// Stop ends the watching. What has been seen can still be read; then Next returns io.EOF.
func (p *Probe) Stop() {
	p.unlink()
	p.stopping.Store(true)
	if p.reader != nil {
		p.reader.Flush()
	}
}

func (p *Probe) unlink() {
	p.detach.Do(func() {
		for _, l := range p.links {
			l.Close()
		}
	})
}

// Close ends the watching and releases everything. A Next that waits returns io.EOF.
func (p *Probe) Close() error {
	p.closing.Do(func() {
		p.stopping.Store(true)
		p.unlink()
		if p.rest != nil {
			p.rest()
		}
		if p.reader != nil {
			p.ring.Lock()
			p.reader.Close()
			p.closed = true
			p.ring.Unlock()
		}
		if p.coll != nil {
			p.ring.Lock()
			p.coll.Close()
			p.ring.Unlock()
		}
	})
	return nil
}

// Hooks says why no hook sees which file a removal or a renaming meets; nil: they see it.
// Without them, that is derived from the names' history.
func (p *Probe) Hooks() error { return p.hookErr }

// Notes implements trace.Source.
func (p *Probe) Notes() trace.Notes {
	n := p.notes
	n.Lost = p.lost.Load()
	n.Broken = int(p.broken.Load())
	if s := p.firstBad.Load(); s != nil {
		n.FirstBad = *s
	}
	return n
}

// Next returns the next record. It blocks until there is one; after Stop, Close or
// Options.For it returns what is left and then io.EOF.
func (p *Probe) Next() (trace.Record, error) {
	for {
		if len(p.queue) > 0 {
			r := p.queue[0]
			p.queue = p.queue[1:]
			return r, nil
		}
		last := p.stopping.Load()
		if p.extent.done() {
			p.look()
			if len(p.queue) > 0 {
				continue
			}
		}
		err := p.reader.ReadInto(&p.rec)
		switch {
		case err == nil:
			p.take()
			continue
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, ringbuf.ErrFlushed):
		case errors.Is(err, ringbuf.ErrClosed):
			return trace.Record{}, io.EOF
		default:
			return trace.Record{}, fmt.Errorf("read the ring: %w", err)
		}
		p.idle(last)
		if last && len(p.queue) == 0 {
			return trace.Record{}, io.EOF
		}
	}
}

// take decodes what was read, and tells before it what was lost before it.
func (p *Probe) take() {
	e := &p.event
	p.extent.pos += ringSpace(len(p.rec.RawSample))
	if err := e.parse(p.rec.RawSample); err != nil {
		p.bad(err)
		return
	}
	if int(e.cpu) < len(p.seen) && e.lost > p.seen[e.cpu] {
		p.holed()
	}
	if at, ok := p.snapshot[e.tgid]; ok {
		if e.exit < at {
			return // the descriptors read later tell what came of it
		}
		if e.what == endedEvent && e.args[0] == 0 {
			delete(p.snapshot, e.tgid)
		}
	}
	if r, ok := p.decoder.record(e); ok {
		p.queue = append(p.queue, r)
	}
}

func (p *Probe) bad(err error) {
	if p.broken.Add(1) == 1 {
		s := err.Error()
		p.firstBad.Store(&s)
	}
}

// idle is called when the ring is empty.
func (p *Probe) idle(last bool) {
	now := time.Now()
	if !p.ends.IsZero() && now.After(p.ends) {
		p.unlink()
		p.stopping.Store(true)
	}
	p.reader.SetDeadline(now.Add(poll))
	p.reached.Store(p.empty)
	p.empty = monotonic() - p.decoder.start
	if last || now.Sub(p.checked) > 20*poll {
		p.checked = now
		p.holed()
	}
}
