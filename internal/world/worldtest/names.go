package worldtest

import (
	"strings"
	"syscall"

	"filerace/internal/op"
)

func remove(s *sim, o *call, a []string) {
	o.Path = a[0]
	p := s.lookup(o, a[0], false)
	if p == nil {
		return
	}
	f := p.file()
	switch {
	case f == nil:
		o.fail(syscall.ENOENT)
	case o.Kind == op.Rmdir && f.typ != op.Directory:
		o.fail(syscall.ENOTDIR)
	case o.Kind == op.Unlink && f.typ == op.Directory:
		o.fail(syscall.EISDIR)
	case len(f.names) > 0:
		o.fail(syscall.ENOTEMPTY)
	default:
		f.nlink--
		p.set(nil)
	}
}

// fresh looks up a name that must not exist yet.
func (s *sim) fresh(o *call, name string) *place {
	p := s.lookup(o, name, false)
	if p != nil && p.file() != nil {
		o.fail(syscall.EEXIST)
		return nil
	}
	return p
}

func mkdir(s *sim, o *call, a []string) {
	o.Path = a[0]
	if p := s.fresh(o, a[0]); p != nil {
		s.add(*p, op.Directory)
	}
}

// symlink plays `symlink TARGET NAME`.
func symlink(s *sim, o *call, a []string) {
	o.Path = a[1]
	if p := s.fresh(o, a[1]); p != nil {
		s.add(*p, op.Symlink).target = a[0]
	}
}

func link(s *sim, o *call, a []string) {
	o.Path, o.Path2 = a[0], a[1]
	from := s.lookup(o, a[0], false)
	if from == nil {
		return
	}
	f := from.file()
	if f == nil {
		o.fail(syscall.ENOENT)
	}
	to := s.fresh(o, a[1])
	if f == nil || to == nil {
		return
	}
	f.nlink++
	to.set(f)
	o.reach(f, from.path)
}

func rename(s *sim, o *call, a []string) {
	o.Path, o.Path2 = a[0], a[1]
	if len(a) > 2 && a[2] == "noreplace" {
		o.Flags = op.RENAME_NOREPLACE
	}
	from := s.lookup(o, a[0], false)
	if from == nil {
		return
	}
	to := s.lookup(o, a[1], false)
	if to == nil {
		return
	}
	f, old := from.file(), to.file()
	switch {
	case f == nil:
		o.fail(syscall.ENOENT)
	case old != nil && o.Flags&op.RENAME_NOREPLACE != 0:
		o.fail(syscall.EEXIST)
	case old != nil && len(old.names) > 0:
		o.fail(syscall.ENOTEMPTY)
	case old == f: // rename(2): two names of one file, nothing happens
	default:
		if old != nil {
			old.nlink--
		}
		from.set(nil)
		to.set(f)
	}
}

// The locks are not simulated: a script tells by "waits" and "= -EAGAIN" how they went.

func flock(s *sim, o *call, a []string) {
	s.slot(o, a[0])
	o.Lock = op.Lock{Family: op.FlockLock, Wait: true, End: op.MaxOffset}
	s.mode(o, a)
	o.Cmd = map[op.LockMode]int{op.Unlock: op.LOCK_UN, op.Shared: op.LOCK_SH, op.Exclusive: op.LOCK_EX}[o.Lock.Mode]
	if !o.Lock.Wait {
		o.Cmd |= op.LOCK_NB
	}
}

func posixLock(s *sim, o *call, a []string) {
	s.rangeLock(o, a, op.PosixLock, op.F_SETLK, op.F_SETLKW)
}

func ofdLock(s *sim, o *call, a []string) {
	s.rangeLock(o, a, op.OFDLock, op.F_OFD_SETLK, op.F_OFD_SETLKW)
}

// rangeLock plays `lock FD MODE [START END] [nb]`; END may be "end".
func (s *sim) rangeLock(o *call, a []string, family op.LockFamily, try, wait int) {
	s.slot(o, a[0])
	o.Lock = op.Lock{Family: family, Wait: true, End: op.MaxOffset}
	s.mode(o, a)
	if len(a) >= 4 {
		o.Lock.Start = s.number(a[2])
		if a[3] != "end" {
			o.Lock.End = s.number(a[3])
		}
	}
	o.Cmd = wait
	if !o.Lock.Wait {
		o.Cmd = try
	}
}

func lease(s *sim, o *call, a []string) {
	s.slot(o, a[0])
	o.Lock = op.Lock{Family: op.LeaseLock, End: op.MaxOffset}
	s.mode(o, a)
	o.Cmd = op.F_SETLEASE
}

func (s *sim) mode(o *call, a []string) {
	switch a[1] {
	case "SH", "RD":
		o.Lock.Mode = op.Shared
	case "EX", "WR":
		o.Lock.Mode = op.Exclusive
	case "UN":
		o.Lock.Mode = op.Unlock
	default:
		s.t.Fatalf("%s: lock mode %q", s.where, a[1])
	}
	if a[len(a)-1] == "nb" {
		o.Lock.Wait = false
	}
	if name, neg := strings.CutPrefix(o.want, "-"); neg {
		o.fail(errnos[name])
	}
}
