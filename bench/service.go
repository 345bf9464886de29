package main

import (
	"fmt"
	"path"

	"filerace/internal/op"
	"filerace/internal/trace/saved"
)

// service is a made-up run of eight processes that take a lock, append to a log, read
// a file and replace it. Whatever its length, the same names and four files are live. If it is careless,
// they look at both files before they have the lock.
type service struct {
	careless bool

	w    *saved.Writer
	err  error
	n    int
	now  int64
	conf op.FileID
	log  int64 // length, in bytes
	made uint64
}

const servicePlace = "/srv/app/"

var serviceDir = op.FileID{Dev: 64768, Ino: 2, Birth: 1}

// record records n operations, or a few more.
func (s service) record(dir string, n int) error {
	w, err := saved.Create(dir, saved.Meta{Recorder: "bench", Notes: saved.Notes{Identities: true}})
	if err != nil {
		return err
	}
	s.w, s.conf = w, op.FileID{Dev: 64768, Ino: 20, Birth: 20}
	for turn := 0; s.n < n && s.err == nil; turn++ {
		s.turn(turn % 8)
	}
	if err := w.Close(nil, nil); err != nil {
		return err
	}
	return s.err
}

// turn is what a process does while it holds the lock, and just before.
func (s *service) turn(p int) {
	lock, log := op.FileID{Dev: 64768, Ino: 10, Birth: 10}, op.FileID{Dev: 64768, Ino: 11, Birth: 11}
	if s.careless {
		s.named(p, "newfstatat", "log", log, log, 0, 0)
		s.named(p, "newfstatat", "conf", s.conf, s.conf, 0, 0)
	}
	s.named(p, "openat", "lock", lock, lock, 9, op.O_RDWR)
	s.held(p, op.Exclusive)
	s.named(p, "newfstatat", "lock", lock, lock, 0, 0)
	s.named(p, "openat", "log", log, log, 4, op.O_WRONLY|op.O_APPEND)
	s.moved(p, "write", 4, log, s.log, 64)
	s.log += 64
	s.on(p, "close", 4, log)
	s.named(p, "openat", "conf", s.conf, s.conf, 4, 0)
	s.moved(p, "read", 4, s.conf, 0, 64)
	s.moved(p, "read", 4, s.conf, 64, 0)
	s.on(p, "close", 4, s.conf)
	s.made++
	fresh := op.FileID{Dev: 64768, Ino: 20 + s.made%2, Birth: int64(20 + s.made)}
	s.named(p, "openat", "conf.new", op.FileID{}, fresh, 3, op.O_WRONLY|op.O_CREAT|op.O_EXCL)
	s.moved(p, "write", 3, fresh, 0, 64)
	s.on(p, "close", 3, fresh)
	o := s.blank(p, "rename", -1, fresh)
	o.Path, o.Path2 = servicePlace+"conf.new", servicePlace+"conf"
	o.Names = []op.Name{
		{Dir: serviceDir, Base: "conf.new", Path: o.Path, Before: fresh, Type: op.Regular, Nlink: 1, Size: 64},
		{Dir: serviceDir, Base: "conf", Path: o.Path2, Before: s.conf, After: fresh, Type: op.Regular, Size: 64},
	}
	s.conf = fresh
	s.put(o, 0)
	s.on(p, "close", 9, lock)
}

func (s *service) blank(p int, call string, fd int, file op.FileID) *op.Op {
	c := op.Named(call)
	s.n++
	s.now += 1500 + int64(s.n*7919%2048)
	return &op.Op{
		Seq: s.n, Actor: op.Actor(fmt.Sprint("1.", p+1)), Prog: "app", PID: 100 + p, TID: 100 + p, Call: c, Kind: c.Kind, Enter: s.now - 900, Exit: s.now,
		FD: fd, FD2: op.None, NewFD: op.None, NewFD2: op.None, Off: op.None, Off2: op.None, OldSize: op.None,
		File: op.File{ID: file, Type: op.Regular, Path: servicePlace, Nlink: 1, Size: 64},
	}
}

func (s *service) put(o *op.Op, ret int64) {
	if o.FD >= 0 {
		o.Args[0] = uint64(o.FD)
	}
	op.Finish(o, ret, nil)
	if s.err == nil {
		s.err = s.w.Op(o)
	}
}

func (s *service) named(p int, call, base string, before, after op.FileID, fd int64, flags uint64) {
	o := s.blank(p, call, op.AT_FDCWD, after)
	o.Path, o.Flags, o.File.Path = path.Join(servicePlace, base), flags, servicePlace+base
	o.Names = []op.Name{{Dir: serviceDir, Base: base, Path: o.Path, Before: before, After: after, Type: op.Regular, Nlink: 1, Size: 64}}
	s.put(o, fd)
}

func (s *service) held(p int, mode op.LockMode) {
	o := s.blank(p, "flock", 9, op.FileID{Dev: 64768, Ino: 10, Birth: 10})
	o.Lock = op.Lock{Family: op.FlockLock, Mode: mode, Wait: true, End: op.MaxOffset}
	s.put(o, 0)
}

func (s *service) moved(p int, call string, fd int, file op.FileID, off, n int64) {
	o := s.blank(p, call, fd, file)
	o.Off, o.Len, o.Sum = off, 4096, uint32(s.made+1)
	if call == "read" {
		o.Sum = 0
	}
	s.put(o, n)
}

func (s *service) on(p int, call string, fd int, file op.FileID) {
	s.put(s.blank(p, call, fd, file), 0)
}
