package logs

import (
	"bytes"
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// MergeError says why the files of one strace -ff cannot be put in order.
type MergeError struct {
	Path string
	Why  string
}

func (e *MergeError) Error() string {
	return fmt.Sprintf("put the logs of several tasks in order: %s %s", e.Path, e.Why)
}

// mergedSource reads the files of strace -ff, one for each task, by the time of
// their calls' returns. A file is opened when its first line is due.
type mergedSource struct {
	family  *family
	notes   trace.Notes
	start   clockStart
	waiting []taskFile // not opened yet, by time of the first line
	heads   headHeap
	now     int64
	over    bool
	files   map[int]bool // by task; true once a fork has told of it
	lacking []int        // tasks that a fork told of, and that have no file
	lacks   int          // how many there are; some are kept
}

type taskFile struct {
	path  string
	tid   int
	first int64 // time of the first line, as it stands there
}

// head is a file with its next event.
type head struct {
	*straceFile
	next event
}

type headHeap []head

func (h headHeap) Len() int           { return len(h) }
func (h headHeap) Less(i, j int) bool { return h[i].next.at < h[j].next.at }
func (h headHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *headHeap) Push(x any)        { *h = append(*h, x.(head)) }
func (h *headHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// taskOf returns the process id in which the name of a file of strace -ff ends.
func taskOf(path string) (int, bool) {
	ext := strings.TrimPrefix(filepath.Ext(path), ".")
	tid, err := strconv.Atoi(ext)
	return tid, err == nil && tid > 0 && tid <= maxPID && ext[0] != '+'
}

func openMerged(paths []string) (trace.Source, error) {
	m := &mergedSource{family: newFamily(), notes: trace.Notes{Kind: "strace"}, files: map[int]bool{}}
	for _, path := range paths {
		timing, first, err := firstTime(path)
		tid, named := taskOf(path)
		_, twice := m.files[tid]
		switch {
		case err != nil:
			return nil, err
		case !named:
			return nil, &MergeError{path, "does not end in .PID"}
		case twice:
			return nil, &MergeError{path, "is of a task of which there is a file already"}
		case timing != epochTime && timing != clockTime:
			return nil, &MergeError{path, "does not tell the time of day"} // -r counts across all files
		case m.start.known && m.start.timing != timing:
			return nil, &MergeError{path, "tells the time in another way than the others"}
		}
		if !m.start.known || first < m.start.ns {
			m.start = clockStart{true, timing, first}
		}
		m.waiting = append(m.waiting, taskFile{path, tid, first})
		m.files[tid] = false
	}
	if m.start.timing == epochTime {
		m.notes.Start = unixTime(m.start.ns)
	}
	slices.SortFunc(m.waiting, func(a, b taskFile) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.tid, b.tid))
	})
	return m, nil
}

// firstTime returns the time of the first line of a strace that has one.
func firstTime(path string) (timing, int64, error) {
	in, err := openLines(path, maxTaskLine)
	if err != nil {
		return 0, 0, err
	}
	defer in.file.Close()
	peeked, err := in.r.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, fmt.Errorf("read log: %w", err)
	}
	if kindOf(peeked) != "strace" {
		return 0, 0, &UnknownError{Path: path, Looks: looksLike(peeked)}
	}
	for line := range bytes.SplitSeq(peeked, []byte("\n")) {
		var l straceLine
		if l.parse(line); l.form > formNote {
			return l.timing, l.time, nil
		}
	}
	return noTime, 0, nil
}

// Next returns the next record.
func (m *mergedSource) Next() (trace.Record, error) {
	for {
		if r, ok := m.family.pop(); ok {
			return r, nil
		}
		if m.over {
			return trace.Record{}, io.EOF
		}
		if err := m.openDue(); err != nil {
			return trace.Record{}, err
		}
		if len(m.heads) == 0 {
			m.over = true
			m.family.finish(m.now)
			continue
		}
		h := &m.heads[0]
		m.now = max(m.now, h.next.at)
		m.forked(h.next.op)
		m.family.push(h.next)
		if err := m.advance(h); err != nil {
			return trace.Record{}, err
		}
	}
}

// openDue opens the files that begin before the next event.
func (m *mergedSource) openDue() error {
	for len(m.waiting) > 0 && (len(m.heads) == 0 || m.waiting[0].first-m.start.ns <= m.heads[0].next.at) {
		w := m.waiting[0]
		m.waiting = m.waiting[1:]
		in, err := openLines(w.path, maxTaskLine)
		if err != nil {
			return err
		}
		f := &straceFile{
			in: in, family: m.family, notes: &m.notes, start: &m.start, fixed: w.tid, begun: map[int]*begunCall{},
			where: filepath.Base(w.path) + " ", now: -1,
		}
		e, err := f.next()
		if err != nil {
			in.file.Close()
			if err == io.EOF {
				continue
			}
			return err
		}
		heap.Push(&m.heads, head{f, e})
	}
	return nil
}

// advance reads the next event of the first file.
func (m *mergedSource) advance(h *head) error {
	e, err := h.straceFile.next()
	if err == nil {
		h.next = e
		heap.Fix(&m.heads, 0)
		return nil
	}
	closed := h.in.file.Close()
	heap.Pop(&m.heads)
	if err == io.EOF {
		return closed
	}
	return err
}

// forked notes whether the task that a fork has made has a file.
func (m *mergedSource) forked(o *op.Op) {
	if o == nil || o.Kind != op.Fork || o.Failed() || o.Ret <= 0 {
		return
	}
	tid := int(o.Ret)
	if _, there := m.files[tid]; there {
		m.files[tid] = true
		return
	}
	if m.lacks++; len(m.lacking) < lackingShown {
		m.lacking = append(m.lacking, tid)
	}
}

// lackingShown bounds how many tasks without a file are named.
const lackingShown = 3

// Notes tells what is known of the logs so far.
func (m *mergedSource) Notes() trace.Notes {
	n := m.notes
	if m.lacks == 0 {
		return n
	}
	// In a process id namespace forks return other numbers than files are named after:
	// then there are as many files that no fork told of, beside that of the first task.
	strangers := -1
	for _, told := range m.files {
		if !told {
			strangers++
		}
	}
	if m.lacks > strangers {
		some := strings.Trim(strings.ReplaceAll(fmt.Sprint(m.lacking), " ", ", "), "[]")
		if m.lacks > len(m.lacking) {
			some += ", …"
		}
		n.Absent = "files of strace -ff are missing: what these tasks did was not seen, and may have ordered others: " + some
	}
	return n
}

// Close closes the files that are open.
func (m *mergedSource) Close() error {
	var err error
	for _, h := range m.heads {
		err = errors.Join(err, h.in.file.Close())
	}
	m.heads, m.waiting, m.over = nil, nil, true
	return err
}
