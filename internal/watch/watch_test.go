package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"filerace/internal/op"
	"filerace/internal/trace"
	"filerace/internal/world/worldtest"
)

// scripted is a source that tells what a test gives it, and then waits to be closed.
type scripted struct {
	records []trace.Record
	next    func() (trace.Record, bool) // instead of records
	notes   trace.Notes
	err     error // at the end, instead of waiting
	told    atomic.Bool
	closed  chan struct{}
	once    sync.Once
}

func newScripted(records ...trace.Record) *scripted {
	return &scripted{records: records, closed: make(chan struct{})}
}

func (s *scripted) Next() (trace.Record, error) {
	if s.next != nil {
		if r, ok := s.next(); ok {
			return r, nil
		}
	} else if len(s.records) > 0 {
		r := s.records[0]
		s.records = s.records[1:]
		return r, nil
	}
	s.told.Store(true)
	if s.err != nil {
		return trace.Record{}, s.err
	}
	<-s.closed
	return trace.Record{}, io.EOF
}

func (s *scripted) Notes() trace.Notes { return s.notes }
func (s *scripted) Close() error       { s.once.Do(func() { close(s.closed) }); return nil }

// play makes records of a script: an operation each millisecond, which lasts a quarter of it.
func play(t testing.TB, script string) []trace.Record {
	var records []trace.Record
	for i, o := range worldtest.Ops(t, script) {
		o.Enter, o.Exit = int64(i+1)*1e6, int64(i+1)*1e6+250_000
		if o.Waits {
			continue // a source tells of the return
		}
		if o.Kind == op.Exit {
			records = append(records, trace.Record{What: trace.Ended, Op: o, UID: 501})
			continue
		}
		o.Actor, o.Seq = "", 0
		records = append(records, trace.Record{What: trace.Returned, Op: o, UID: 501})
	}
	return records
}

// watched runs a watch until the source has told all.
func watched(t *testing.T, s *scripted, o Options) (string, Summary, error) {
	t.Helper()
	var out bytes.Buffer
	if s.err == nil {
		s.err = io.EOF
	}
	sum, err := Run(t.Context(), s, o, &out)
	return out.String(), sum, err
}

const twoHolders = `
	1    fork 1.1
	1    fork 1.2
	1    fork 1.3
	1.1  open L rdwr,creat = 9
	1.1  flock 9 EX
	1.2  open L rdwr,creat = 9
	1.2  flock 9 EX waits
	1.1  unlink L
	1.1  close 9
	1.2  flock 9 EX
	1.3  open L rdwr,creat = 9
	1.3  flock 9 EX
	1.2  write log append "in"
	1.3  write log append "out"
	1.2  close 9
	1.3  close 9
	1.1  exit 0
	1.2  exit 0
	1.3  exit 0
`

func TestRacesAreTold(t *testing.T) {
	s := newScripted(play(t, twoHolders)...)
	s.notes.Start = wall
	text, sum, err := watched(t, s, Options{Dir: "/w"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(text, "unlinked-lock · observed") != 1 || !strings.Contains(text, "seen    2017-08-03 20:58:05") {
		t.Errorf("told:\n%s", text)
	}
	if sum.Observed == 0 || sum.Events == 0 || sum.Lost != 0 || sum.Possible != 0 {
		t.Errorf("summary %+v", sum)
	}
}

func TestRacesAsJSON(t *testing.T) {
	text, sum, err := watched(t, newScripted(play(t, twoHolders)...), Options{JSON: true})
	if err != nil || sum.Observed == 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	for line := range strings.Lines(text) {
		var f struct{ Type, Rule string }
		if err := json.Unmarshal([]byte(line), &f); err != nil || f.Type != "finding" {
			t.Errorf("%v: %s", err, line)
		}
	}
}

func TestFindingsAreFiltered(t *testing.T) {
	elsewhere, err := ParseGlob("/w/other*", "/")
	if err != nil {
		t.Fatal(err)
	}
	here, _ := ParseGlob("L", "/")
	for name, c := range map[string]struct {
		f    Filter
		want bool
	}{
		"path":       {Filter{Path: here}, true},
		"other path": {Filter{Path: elsewhere}, false},
		"uid":        {Filter{UIDs: []uint32{501}}, true},
		"other uid":  {Filter{UIDs: []uint32{7}}, false},
		"name":       {Filter{Names: []string{"sh"}, Path: here}, true},
		"other name": {Filter{Names: []string{"bash"}}, false},
		"other pid":  {Filter{PIDs: []int{1 << 30}}, false},
	} {
		_, sum, err := watched(t, newScripted(play(t, twoHolders)...), Options{Filter: c.f})
		if err != nil || sum.Observed > 0 != c.want {
			t.Errorf("%s: %+v, %v", name, sum, err)
		}
	}
}

func TestPartialWatchLooksForNoRaces(t *testing.T) {
	text, sum, err := watched(t, newScripted(play(t, twoHolders)...), Options{Show: Calls, Partial: true})
	if err != nil || sum.Observed != 0 || strings.Count(text, "\nflock ") != 3 {
		t.Errorf("%+v, %v\n%s", sum, err, text)
	}
}

func TestCallsInTheirOrder(t *testing.T) {
	s := newScripted(play(t, `
		1    fork 1.1
		1.1  mkdir d
		1.1  chdir d
		1.1  open f rdwr,creat = 3
		1.1  write 3 "x"
		1    unlink d/f
		1.1  exit 0
	`)...)
	s.notes.Start = wall
	text, sum, err := watched(t, s, Options{Show: Calls, Entry: true})
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		what := f[0] + " " + f[len(f)-1]
		if f[5] == "entry" {
			what = "> " + f[0]
		}
		calls = append(calls, what)
	}
	want := "CALL PATH,> fork,fork -,> mkdir,mkdir /w/d,> chdir,chdir /w/d,> openat,openat /w/d/f,> write,write </w/d/f>,> unlink,unlink /w/d/f,exit_group -"
	if got := strings.Join(calls, ","); got != want {
		t.Errorf("got  %s\nwant %s\n%s", got, want, text)
	}
	if sum.Events != 6 {
		t.Errorf("%d events", sum.Events)
	}
}

func TestCallsAsJSON(t *testing.T) {
	text, _, err := watched(t, newScripted(play(t, twoHolders)...), Options{Show: Calls, JSON: true, Entry: true})
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]int{}
	for line := range strings.Lines(text) {
		var e struct {
			Type string
			UID  int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.UID != 501 {
			t.Fatalf("%v: %s", err, line)
		}
		types[e.Type]++
	}
	if types["call"] < 15 || types["entry"] < 15 || len(types) != 2 {
		t.Errorf("lines by type: %v", types)
	}
}

func TestLostEventsAreTold(t *testing.T) {
	records := play(t, twoHolders)
	records = append(records[:8:8], append([]trace.Record{{What: trace.Gap, Lost: 5}}, records[8:]...)...)
	var said []string
	o := Options{Show: Calls, Say: func(text string) { said = append(said, text) }}
	text, sum, err := watched(t, newScripted(records...), o)
	if err != nil || sum.Lost != 5 || !strings.Contains(text, "\n-- 5 events lost here --\n") {
		t.Errorf("%+v, %v\n%s", sum, err, text)
	}
	if len(said) != 1 || !strings.HasPrefix(said[0], "5 events lost: ") {
		t.Errorf("said %q", said)
	}
	o.JSON = true
	text, _, _ = watched(t, newScripted(records...), o)
	if !strings.Contains(text, `{"type":"gap","lost":5}`+"\n") {
		t.Errorf("as JSON:\n%s", text)
	}
}

func TestEndsWithItsContext(t *testing.T) {
	s := newScripted(play(t, twoHolders)...)
	ctx, cancel := context.WithCancel(t.Context())
	ticks := make(chan time.Time)
	go func() {
		for !s.told.Load() {
			ticks <- wall
		}
		cancel()
	}()
	var out bytes.Buffer
	sum, err := Run(ctx, s, Options{Ticks: ticks}, &out)
	if err != nil || sum.Observed == 0 || !strings.Contains(out.String(), "unlinked-lock") {
		t.Errorf("%+v, %v\n%s", sum, err, out.String())
	}
	select {
	case <-s.closed:
	default:
		t.Error("the source is still open")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestEndsWithItsReader(t *testing.T) {
	for _, c := range []struct {
		err    error
		failed bool
	}{{syscall.EPIPE, false}, {syscall.ENOSPC, true}} {
		s := newScripted(play(t, twoHolders)...) // and would wait for ever
		s.notes.Start = wall
		sum, err := Run(t.Context(), s, Options{Ticks: endless(t)}, writerFunc(func([]byte) (int, error) { return 0, c.err }))
		if (err != nil) != c.failed || err != nil && (!errors.Is(err, ErrOutput) || !errors.Is(err, c.err)) {
			t.Errorf("%v ends in %v", c.err, err)
		}
		if sum.Observed == 0 {
			t.Errorf("%v: %+v", c.err, sum)
		}
	}
}

// endless ticks as fast as they are taken, an hour later each time.
func endless(t *testing.T) <-chan time.Time {
	ticks := make(chan time.Time)
	go func() {
		for at := wall; ; at = at.Add(time.Hour) {
			select {
			case ticks <- at:
			case <-t.Context().Done():
				return
			}
		}
	}()
	return ticks
}

func TestReportsWhatTheSourceCannot(t *testing.T) {
	s := newScripted(play(t, twoHolders)...)
	s.err = errors.New("the ring is gone")
	_, sum, err := watched(t, s, Options{})
	if !errors.Is(err, s.err) || sum.Observed == 0 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestEndsWhenTheRecordingFails(t *testing.T) {
	full := errors.New("disk full")
	kept := 0
	s := newScripted(play(t, twoHolders)...)
	s.notes.Start = wall
	sum, err := Run(t.Context(), s, Options{Keep: func(trace.Record) error {
		if kept++; kept == 3 {
			return full
		}
		return nil
	}, Ticks: endless(t)}, io.Discard)
	if !errors.Is(err, full) || kept != 3 {
		t.Errorf("%v after %d; %+v", err, kept, sum)
	}
}

// ring is a source like the kernel's buffer: it has so much room, and what does not
// fit is counted.
type ring struct {
	mu    sync.Mutex
	slots chan trace.Record
	made  uint64
	lost  uint64 // not told yet
	all   uint64 // lost
}

func (r *ring) push(rec trace.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made++
	select {
	case r.slots <- rec:
	default:
		r.lost++
		r.all++
	}
}

// A reader of the output who stops holds the watch up, not the system: events are
// lost where they are counted, and memory stays what it is.
func TestSlowReaderLosesEventsCounted(t *testing.T) {
	r := &ring{slots: make(chan trace.Record, 64)}
	s := newScripted()
	s.next = func() (trace.Record, bool) {
		select {
		case rec := <-r.slots:
			return rec, true
		case <-s.closed:
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		select {
		case rec := <-r.slots:
			return rec, true
		default:
		}
		if n := r.lost; n > 0 {
			r.lost = 0
			return trace.Record{What: trace.Gap, Lost: n}, true
		}
		return trace.Record{}, false
	}
	gate := make(chan struct{})
	out := writerFunc(func(b []byte) (int, error) { <-gate; return len(b), nil })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		defer close(gate)
		for i := range int64(20_000_000) {
			o := opened(7, "f", i*1000, i*1000+500)
			r.push(trace.Record{What: trace.Returned, Op: o})
			if i%1024 == 0 && lossOf(r) > 100_000 {
				return
			}
		}
		t.Error("a watch whose output nobody reads took 20 million records")
	}()
	sum, err := Run(ctx, s, Options{Show: Calls, Ticks: make(chan time.Time)}, out)
	if err != nil || sum.Lost != r.all || sum.Events+sum.Lost != r.made {
		t.Errorf("%d events and %d lost of %d made, %d of them lost; %v", sum.Events, sum.Lost, r.made, r.all, err)
	}
}

func lossOf(r *ring) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

func TestReaderWhoNeverReadsDoesNotKeepTheWatch(t *testing.T) {
	s := newScripted(play(t, twoHolders)...)
	stuck := make(chan struct{})
	defer close(stuck)
	writes := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-writes; cancel() }()
	out := writerFunc(func(b []byte) (int, error) { writes <- struct{}{}; <-stuck; return len(b), nil })
	sum, err := Run(ctx, s, Options{Show: Calls, Grace: time.Millisecond, Ticks: endless(t)}, out)
	if err != nil || !sum.Unread {
		t.Errorf("%+v, %v", sum, err)
	}
}
