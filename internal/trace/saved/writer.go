package saved

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"filerace/internal/op"
	"filerace/internal/trace"
)

const (
	segmentRows = 256 << 10   // of a segment at most
	segmentTime = time.Second // that a segment stays open
	batchRows   = 512         // wake the encoder
	queueRows   = 4096        // that wait for the encoder at most, about 1 KiB each
)

// Writer records a run. Encoding and writing go on in a goroutine of their own.
// When it falls queueRows behind, Op and Record wait for it: no operation is lost
// to a slow disk, the run is held up instead. After a write has failed they
// return the error, and what comes is counted as dropped.
//
// Methods may be called from several goroutines; the order of rows is the order of calls.
type Writer struct {
	dir  string
	meta Meta
	segs *segments
	wake chan struct{}
	done chan struct{}

	mu      sync.Mutex
	room    *sync.Cond // rows has shrunk, or err is set
	rows    []row      // waiting
	err     error      // the first
	ended   bool
	ops     int64
	total   int64
	dropped int64
}

// Create begins a recording in dir, which must not exist; its parent must. An
// existing file or directory is refused with ErrExists, whatever it holds.
func Create(dir string, m Meta) (*Writer, error) { return create(dir, m, segmentTime) }

// create is Create with another time that a segment stays open.
func create(dir string, m Meta, every time.Duration) (*Writer, error) {
	m.fill()
	err := os.Mkdir(dir, 0o777)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, &Error{File: dir, Kind: ErrExists}
	case err != nil:
		return nil, &Error{File: dir, Kind: ErrWrite, Err: bare(err)}
	}
	w := &Writer{dir: dir, meta: m, wake: make(chan struct{}, 1), done: make(chan struct{}), rows: make([]row, 0, queueRows)}
	w.room = sync.NewCond(&w.mu)
	if err := w.begin(); err != nil {
		os.RemoveAll(dir) // ours, and nothing in it yet
		return nil, &Error{File: dir, Kind: ErrWrite, Err: bare(err)}
	}
	go w.work(every)
	return w, nil
}

func (w *Writer) begin() (err error) {
	if err := os.Mkdir(filepath.Join(w.dir, opsDir), 0o777); err != nil {
		return err
	}
	if err := w.putMeta(); err != nil {
		return err
	}
	w.segs, err = newSegments(w.dir)
	return err
}

// bare is why a call failed, without the file's name: Error has it.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// Began sets the wall time of enter_ns 0, when it is known only after Create.
func (w *Writer) Began(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.meta.Start = t
}

// Op records an operation that has returned. The operation may change afterwards.
func (w *Writer) Op(o *op.Op) error { return w.Record(trace.Record{What: trace.Returned, Op: o}) }

// Record records what a source told. The error is an *Error and stays.
func (w *Writer) Record(rec trace.Record) error {
	r := rowOf(&rec)
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.rows) >= queueRows && w.err == nil && !w.ended {
		w.room.Wait()
	}
	if w.ended && w.err == nil {
		return &Error{File: w.dir, Kind: ErrWrite, Err: os.ErrClosed}
	}
	if w.err != nil {
		w.dropped++
		return w.err
	}
	w.rows = append(w.rows, r)
	w.meta.Notes.Lost += rec.Lost
	if len(w.rows)%batchRows == 0 {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// work encodes until the end.
func (w *Writer) work(every time.Duration) {
	defer close(w.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	spare := make([]row, 0, queueRows)
	for {
		closing := false
		select {
		case <-w.wake:
		case <-tick.C:
			closing = true
		}
		w.mu.Lock()
		batch, ended := w.rows, w.ended
		w.rows = spare[:0]
		w.room.Broadcast()
		w.mu.Unlock()
		err := w.encode(batch, closing || ended)
		clear(batch) // lets go of the strings
		spare = batch
		if err != nil {
			w.fail(err, len(batch))
		}
		if ended {
			return
		}
	}
}

// encode writes a batch, and closes the segment if it is time.
func (w *Writer) encode(batch []row, closing bool) error {
	if w.failed() != nil {
		return nil
	}
	if err := w.segs.put(batch); err != nil {
		return err
	}
	for i := range batch {
		if batch[i].Event == events[trace.Returned] {
			w.ops++
		}
	}
	w.total += int64(len(batch))
	if closing {
		return w.segs.close()
	}
	return nil
}

func (w *Writer) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// fail ends the recording. The rows of the open segment are lost and counted.
func (w *Writer) fail(err error, batch int) {
	open := w.segs.abandon()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = &Error{File: w.dir, Kind: ErrWrite, Err: bare(err)}
	w.dropped += open + int64(batch+len(w.rows))
	w.rows = w.rows[:0]
	w.room.Broadcast()
}

// Close ends the recording. findings is the report as JSON, schedule the decisions
// as JSON; nil leaves the file out. It returns the first error of the recording, an
// *Error; without one the recording is on disk, synced, and marked as closed.
func (w *Writer) Close(findings, schedule []byte) error {
	w.mu.Lock()
	if w.ended {
		w.mu.Unlock()
		return w.failed()
	}
	w.ended = true
	w.room.Broadcast()
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	<-w.done
	defer w.segs.sums.Close()
	err := w.failed()
	w.segs.merger.stop(err == nil)
	w.meta.Ops, w.meta.Rows, w.meta.Segments, w.meta.Dropped = w.ops, w.total, len(w.segs.merger.all), w.dropped
	if err != nil {
		w.putMeta() // tells how much is missing, if there is room for that
	}
	for name, text := range map[string][]byte{findingsFile: findings, scheduleFile: schedule} {
		if text != nil {
			err = errors.Join(err, wrap(w.dir, writeFile(filepath.Join(w.dir, name), text)))
		}
	}
	if err != nil {
		return first(err)
	}
	w.meta.Closed = true
	err = wrap(w.dir, errors.Join(w.segs.sync(), w.putMeta()))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
	return err
}

// first is the first of joined errors: one trouble, one line.
func first(err error) error {
	var e *Error
	errors.As(err, &e)
	return e
}

func wrap(dir string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{File: dir, Kind: ErrWrite, Err: bare(err)}
}

func (w *Writer) putMeta() error {
	text, err := json.MarshalIndent(&w.meta, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(w.dir, metaFile), append(text, '\n'))
}

// writeFile replaces a file: whoever reads it gets the old one or the new one, whole.
func writeFile(name string, text []byte) error {
	f, err := os.OpenFile(name+openSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(name+openSuffix, name)
	}
	if err != nil {
		os.Remove(name + openSuffix)
		return err
	}
	return syncPath(filepath.Dir(name))
}
