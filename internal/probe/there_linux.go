//go:build linux && (amd64 || arm64)

package probe

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// Marks of struct pending in state.bpf.h.
const (
	markedAt   = 75 // offset in the value
	markAlone  = 1  // the process
	markedTree = 2  // and what comes of it
)

// markRoots marks the processes asked for. The key is a pidfd, so that a process id is
// one of the namespace that we are in.
func (p *Probe) markRoots() error {
	mark := func(pid int, how byte) error {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			return fmt.Errorf("watch process %d: %w", pid, err)
		}
		defer unix.Close(fd)
		calls := p.coll.Maps[objectMapCalls]
		value := make([]byte, calls.ValueSize())
		value[markedAt] = how
		if err := calls.Put(uint32(fd), value); err != nil {
			return explain(fmt.Sprintf("watch process %d", pid), err)
		}
		return nil
	}
	for _, pid := range p.opt.PIDs {
		if err := mark(pid, markAlone); err != nil {
			return err
		}
	}
	for _, pid := range p.opt.Trees {
		if err := mark(pid, markedTree); err != nil {
			return err
		}
	}
	return nil
}

// iterate runs an iterator program over all tasks and returns what it told.
func (p *Probe) iterate(program string) ([]there, error) {
	it, err := link.AttachIter(link.IterOptions{Program: p.coll.Programs[program]})
	if err != nil {
		return nil, explain("list "+program, err)
	}
	defer it.Close()
	r, err := it.Open()
	if err != nil {
		return nil, explain("list "+program, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", program, err)
	}
	list := make([]there, len(b)/thereSize)
	for i := range list {
		if err := list[i].parse(b[i*thereSize:][:thereSize]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// takeStock lists the processes that are there and what they have open. The programs
// watch already: what a process did before its descriptors were read is left out by take.
func (p *Probe) takeStock() error {
	// Twice: a child that a process made before the first pass came to it, and that
	// the pass had gone by, has a marked parent by now.
	if _, err := p.iterate(objectProgProcesses); err != nil {
		return err
	}
	processes, err := p.iterate(objectProgProcesses)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(processes, func(t there) bool { return t.fd == theWatcher }); i >= 0 {
		p.decoder.home = processes[i].view
		processes = slices.Delete(processes, i, i+1)
	}
	if p.opt.NoStart {
		return nil
	}
	open, err := p.iterate(objectProgDescriptors)
	if err != nil {
		return err
	}
	fds := map[uint32][]there{}
	for _, t := range open {
		fds[t.tgid] = append(fds[t.tgid], t)
	}
	shared := map[uint64]int{}
	processes = slices.DeleteFunc(processes, func(t there) bool { return !p.passes(&t) })
	for _, t := range parentsFirst(processes) {
		p.there(&t, fds[t.tgid], shared)
	}
	return nil
}

// theWatcher is there.fd of our own process.
const theWatcher = -2

// passes is the part of the filter that the iterators leave to us.
func (p *Probe) passes(t *there) bool {
	return (p.opt.UID == nil || t.uid == uint32(*p.opt.UID)) &&
		(len(p.opt.Names) == 0 || slices.Contains(p.opt.Names, text(t.comm[:])))
}

// parentsFirst orders processes so that each comes after its parent.
func parentsFirst(list []there) []there {
	slices.SortFunc(list, func(a, b there) int { return cmp.Compare(a.tgid, b.tgid) })
	left := map[uint32]there{}
	for _, t := range list {
		left[t.tgid] = t
	}
	var out []there
	var put func(t there)
	put = func(t there) {
		delete(left, t.tgid)
		if up, ok := left[t.parent]; ok {
			put(up)
		}
		out = append(out, t)
	}
	for _, t := range list {
		if _, ok := left[t.tgid]; ok {
			put(t)
		}
	}
	return out
}

// there tells of one process. Its paths are those that /proc shows; a process that ends
// meanwhile has none.
func (p *Probe) there(t *there, fds []there, shared map[uint64]int) {
	proc := "/proc/" + strconv.Itoa(int(t.tgid))
	at := t.time
	if len(fds) > 0 {
		at = fds[0].time
	}
	p.snapshot[t.tgid] = at
	o := op.New(op.Inherit)
	o.PID, o.TID, o.Prog, o.Done = int(t.tgid), int(t.tgid), text(t.comm[:]), true
	o.Enter = max(at-p.decoder.start, 0)
	o.Exit = o.Enter
	inside := p.inside(t)
	o.Path = inside(proc + "/cwd")
	infos := make([]op.FDInfo, 0, len(fds))
	for i := range fds {
		d := &fds[i]
		h := &d.handle
		if shared[h.file] == 0 {
			shared[h.file] = len(shared) + 1
		}
		info := op.FDInfo{FD: int(d.fd), File: h.object.describe(), Flags: p.decoder.flags(h.flags), Off: h.pos, Shared: shared[h.file]}
		info.File.Path = inside(proc + "/fd/" + strconv.Itoa(int(d.fd)))
		if d.cloexec {
			info.Flags |= op.O_CLOEXEC
		}
		infos = append(infos, info)
	}
	o.SetFDs(infos)
	p.queue = append(p.queue, trace.Record{What: trace.There, Op: o, UID: t.uid, Parent: int(t.parent), View: p.decoder.view(t.view)})
}

// inside returns what reads a link of /proc to a path as the process sees it. For one in another mount
// namespace /proc shows that; for one with a root below ours, it shows ours.
func (p *Probe) inside(t *there) func(link string) string {
	root := "/"
	if p.decoder.view(t.view) != (trace.View{}) {
		root, _ = os.Readlink("/proc/" + strconv.Itoa(int(t.tgid)) + "/root")
	}
	return func(link string) string {
		to, _ := os.Readlink(link)
		if rest, below := strings.CutPrefix(to, root); below && root != "/" && (rest == "" || rest[0] == '/') {
			return cmp.Or(rest, "/")
		}
		return to
	}
}
