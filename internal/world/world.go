// Package world holds what the operations of a run have made of the file system
// so far: descriptor tables, open file descriptions, which name leads to which
// file, who wrote which bytes, who holds and who awaits which lock, and what
// happened before what. It is pure: operations go in, one at a time in the order
// in which they took effect, and state comes out. Nothing here asks the kernel.
package world

import "filerace/internal/op"

// File is one file from its first sight to its end: an inode number that comes
// back is another File.
type File struct {
	ID      op.FileID
	Place   Place
	Type    op.FileType
	Path    string   // the name by which it was first seen
	Size    int64    // bytes
	Nlink   int      // names that it has left, as last reported
	Names   []*Entry // entries known to lead to it
	Opens   int      // open file descriptions on it
	Segs    []Seg    // who wrote which bytes, sorted, without overlap; bytes from before the run have none
	Version int      // counts changes of content: writes that change bytes, truncations that drop some
	Locks   []*Lock  // held at present, of every family
	Waits   []*Lock  // asked for and not granted yet
	Created Stamp    // the operation that created it; zero if it was there before

	first     [1]*Entry // where Names begins
	gone      bool      // it has lost its last name
	forgotten bool      // it was in World.forgotten
	touched   int       // World.seen when it was last reached
	wrote     clock     // pipes and socketpairs: what was written so far
	closed    clock     // of a pipe or socketpair: the closing of its writing ends
	pair      bool      // a socketpair; the ends are one File
	released  []release // who let go of which locks
}

// Entry is one name: an entry of a directory.
type Entry struct {
	Place   Place
	Dir     op.FileID
	Base    string
	Path    string
	File    *File  // nil: no such name at present
	Changed Stamp  // the operation that last changed where it leads; zero if none did in this run
	By      *op.Op // that operation

	opened  int  // open file descriptions that came by it
	touched int  // World.seen when it was last looked up
	made    bool // in a file system that the kernel makes up
}

// Seg is a run of bytes that one write left.
type Seg struct {
	Lo, Hi int64
	By     *op.Op
	At     Stamp
	base   int64 // where By's first byte lies
}

// OFD is an open file description (open(2)): what dup and fork share.
type OFD struct {
	ID     int
	Place  Place
	File   *File
	Entry  *Entry // the name by which it was opened; nil for pipes and inherited descriptors
	Flags  uint64 // O_*; F_SETFL changes them
	Offset int64  // op.None if not known
	Refs   int    // descriptors that lead to it, over all processes
	Opened Stamp
	By     *op.Op // the opening operation
	Wrote  bool   // something was written through it
}

// Lock is a lock held or waited for.
type Lock struct {
	Family op.LockFamily
	Mode   op.LockMode
	Lo, Hi int64
	File   *File
	OFD    *OFD     // owner of flock and OFD locks; for the others the descriptor's at the time
	Proc   op.Actor // owner of POSIX locks and leases; for the others the process that asked
	By     *op.Op   // the operation that took it
	At     Stamp
	Entry  *Entry // the name by which the descriptor was opened

	owner  *table  // of POSIX locks: the kernel's files_struct, which is the process's but for CLONE_FILES
	fd     int     // the descriptor that it was taken through
	thread *thread // that sleeps for it
}

// Effect is what one operation did, for the rules.
type Effect struct {
	did
	undone
}

// did is what nearly every operation does.
type did struct {
	Op            *op.Op
	At            Stamp
	OFD           *OFD   // the open file description used or made
	File          *File  // the file reached
	Entry, Entry2 *Entry // the names looked up (rename and link: from, to)

	Before, Before2 *File    // where Entry and Entry2 led before
	Created         bool     // a name came into being (open with O_CREAT, mkdir, link, symlink, mknod)
	Existed         bool     // open with O_CREAT met a file that was there
	EOF             bool     // a read that met the end of the file
	Lo, Hi          int64    // bytes read or written; Lo == Hi: none
	Shrunk          int64    // bytes that a truncation cut off, whoever wrote them
	Took            *Lock    // lock granted
	Waits           *Lock    // lock asked for, not free
	Process         *Process // of the actor, after the operation
}

// undone is what few operations do: taking away.
type undone struct {
	Removed []*File // files that lost a name (unlink, rmdir, the target of a rename)
	Gone    []*File // files among Removed that have no name left
	Over    []Seg   // what a write replaced by other bytes
	Again   []Seg   // what a write replaced by equal bytes
	Dropped []Seg   // what a truncation cut off
	Freed   []*Lock // locks released on purpose, by close, by exit, or by the close trap
	Trap    []*Lock // those among Freed that fell because the process closed another descriptor of the file
	Closed  []*OFD  // descriptions whose last descriptor went
}

// Process is a process of the program under test.
type Process struct {
	Actor  op.Actor
	PID    int
	Prog   string
	FDs    *FDs
	Parent *Process // nil: init, or not known
	Exited bool
	Status int

	leader   *thread
	threads  []*thread
	children map[*Process]struct{} // alive, or not waited for yet
	number   int32                 // Stamp.Process
	reaped   bool
	orphan   bool            // its parent ended before it
	end      Stamp           // its Exit
	exits    clock           // the ends of its threads
	signals  map[int32]clock // sent to it, by number
}

// Descriptor is one slot of a descriptor table.
type Descriptor struct {
	*OFD
	CloseOnExec bool
}
