//go:build linux && (amd64 || arm64)

package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"
)

// pump copies what the ring holds into the backlog, and does no more than that: decoding
// and judging take as long as they take, and a burst waits for them there. It has a thread
// of its own, which takes precedence over theirs, too.
type pump struct {
	p       *Probe
	rec     ringbuf.Record
	seen    []uint64 // lost events that were told, by processor
	extent  extent
	woke    int64  // when it last rested, ns since the start: all that was in the ring then is read
	before  uint64 // extent.pos then
	rest    time.Duration
	checked time.Time // when the counters of lost events were last read
}

const (
	// poll is how long the pump rests between two looks at the ring at least, and restMax at most: until it may expect
	// a portion. A ring that fills wakes it before. All that a watch does comes in as many portions, and
	// waking costs more than most.
	poll    = 25 * time.Millisecond
	restMax = 250 * time.Millisecond
	portion = 1 << 20 // bytes

	// checkEvery is how often the counters of lost events are read while nothing tells of a loss.
	checkEvery = 100 * time.Millisecond
)

// holdPump, if there is one, is waited for before anything is read; for tests.
var holdPump chan struct{}

func (m *pump) run() {
	runtime.LockOSThread() // it ends with the goroutine, and its priority with it
	unix.Setpriority(unix.PRIO_PROCESS, 0, pumpNiceness)
	if holdPump != nil {
		<-holdPump
	}
	err := m.copy()
	m.p.backlog.publish()
	m.p.backlog.close(err)
}

// copy returns when all is read after the end, or what the ring cannot be read for.
func (m *pump) copy() error {
	for {
		last := m.p.stopping.Load()
		if m.extent.done() && !m.look() {
			return nil
		}
		err := m.p.reader.ReadInto(&m.rec)
		switch {
		case err == nil:
			if !m.take() {
				return nil
			}
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
		case errors.Is(err, ringbuf.ErrClosed):
			return nil
		default:
			return fmt.Errorf("read the ring: %w", err)
		}
		if !m.idle(last) || last {
			return nil
		}
	}
}

// take keeps what was read, and before it what was lost before it. It reports false if nobody
// wants any more, as do those below.
func (m *pump) take() bool {
	b := m.rec.RawSample
	m.extent.pos += ringSpace(len(b))
	if len(b) >= headSize {
		if cpu, lost := headLost(b); int(cpu) < len(m.seen) && lost > m.seen[cpu] && !m.holed() {
			return false
		}
	}
	return m.p.backlog.put(eventElement, b)
}

// gap puts a gap (trace.Record.Lost).
func (m *pump) gap(lost uint64) bool {
	return m.p.backlog.put(gapElement, binary.LittleEndian.AppendUint64(nil, lost))
}

// idle is called when the ring is empty.
func (m *pump) idle(last bool) bool {
	p, now := m.p, time.Now()
	if !p.ends.IsZero() && now.After(p.ends) {
		p.unlink()
		p.stopping.Store(true)
	}
	if last || now.Sub(m.checked) > checkEvery {
		m.checked = now
		if !m.holed() {
			return false
		}
	}
	p.backlog.reach(m.woke - int64(poll)) // what returned later may not have been in the ring yet
	if !last {
		p.bell.sleep(m.resting(), m.awaited)
	}
	m.woke = monotonic() - p.decoder.start
	return true
}

// resting is how long the pump may rest now: longer than the last time by half at most, as what is quiet may not stay so.
func (m *pump) resting() time.Duration {
	came := time.Duration(max(m.extent.pos-m.before, 1))
	m.rest = min(m.rest*portion/came, m.rest+m.rest/2, restMax)
	m.rest = max(m.rest, poll)
	m.before = m.extent.pos
	return m.rest
}

// awaited reports whether there is something to do already.
func (m *pump) awaited() bool {
	n, size := m.p.available()
	return m.p.stopping.Load() || n > size/2
}
