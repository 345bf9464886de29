//go:build linux && (amd64 || arm64)

package probe

import (
	"cmp"
	"encoding/binary"
	"io"
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
	bell    *bell
	decoder decoder
	notes   trace.Notes

	next     sync.Mutex // of what Next works with
	queue    []trace.Record
	told     int // of the queue
	elements []byte
	event    event
	snapshot map[uint32]int64 // when the descriptors of a process were read, ns CLOCK_MONOTONIC

	backlog *backlog
	pumped  chan struct{} // closed when nothing is put any more; nil: nothing was
	ends    time.Time
	ring    sync.Mutex // held while the ring or a map is looked at or closed
	closed  bool

	stopping atomic.Bool
	detach   sync.Once
	closing  sync.Once
	lost     atomic.Uint64
	broken   atomic.Int64
	firstBad atomic.Pointer[string]
}

// Open loads the kernel programs and begins to watch. Errors are *Unavailable if
// watching does not work here.
func Open(opt Options) (*Probe, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if err := checkVersion(release()); err != nil {
		return nil, err
	}
	p := &Probe{opt: opt, snapshot: map[uint32]int64{}, backlog: newBacklog(backlogSize(room()))}
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
	p.reader.SetDeadline(time.Now()) // it never waits: the pump sleeps by the bell
	if p.bell, err = newBell(p.coll.Maps[objectMapEvents].FD()); err != nil {
		return explain("wait for the ring", err)
	}
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
	p.pumped = make(chan struct{})
	go func() {
		defer close(p.pumped)
		(&pump{p: p, seen: make([]uint64, ebpf.MustPossibleCPU())}).run()
	}()
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
	if p.bell != nil {
		p.bell.strike()
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
		p.backlog.close(io.EOF)
		if p.bell != nil {
			p.bell.strike()
		}
		if p.reader != nil {
			p.ring.Lock()
			p.reader.Close()
			p.closed = true
			p.ring.Unlock()
		}
		if p.pumped != nil {
			<-p.pumped
		}
		if p.bell != nil {
			p.bell.close()
		}
		p.next.Lock()
		p.elements = nil
		p.backlog.free()
		p.next.Unlock()
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

// Next returns the next record. It blocks until there is one; after Stop or
// Options.For it returns what is left and then io.EOF, after Close the latter.
func (p *Probe) Next() (trace.Record, error) {
	p.next.Lock()
	defer p.next.Unlock()
	for !p.decoded() {
		var ok bool
		if p.elements, ok = p.backlog.take(); !ok {
			return trace.Record{}, cmp.Or(p.backlog.err, io.EOF)
		}
	}
	p.told++
	return p.queue[p.told-1], nil
}

// Ready reports whether Next would return at once. It is for the goroutine that calls Next.
func (p *Probe) Ready() bool {
	p.next.Lock()
	defer p.next.Unlock()
	return p.decoded()
}

// decoded decodes until there is a record, and reports whether there is one.
func (p *Probe) decoded() bool {
	for p.told == len(p.queue) {
		if len(p.elements) == 0 {
			return false
		}
		p.queue, p.told = p.queue[:0], 0
		var kind uint32
		var data []byte
		switch kind, data, p.elements = element(p.elements); kind {
		case gapElement:
			p.queue = append(p.queue, trace.Record{What: trace.Gap, Lost: binary.LittleEndian.Uint64(data)})
		default:
			p.take(data)
		}
	}
	return true
}

// take decodes an event.
func (p *Probe) take(b []byte) {
	e := &p.event
	if err := e.parse(b); err != nil {
		p.bad(err)
		return
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
