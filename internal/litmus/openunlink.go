package litmus

import (
	"strings"

	"golang.org/x/sys/unix"
)

var openUnlink = &Test{
	Name: "open-unlink",
	Guarantee: "While a file is removed and made anew, an open of its name gives the old file or the new one, whole, or ENOENT; " +
		"it may be one that has no name any more by the time the open returns.",
	Source: "POSIX.1-2024 unlink(), open(); path_openat and do_dentry_open (fs/namei.c, fs/open.c) find the inode first and open it then",
	Cases: []*Case{
		removalCase("unlink", unlinkFile, true),
		// An open that lasts from before the rename to after the unlink needs to be
		// preempted: it is counted, but no verdict hangs on it.
		removalCase("rename away, then unlink", renameAway, false),
		heldCase("unlink inside open (fanotify)", byFanotify, unlinkFile, readHeld, judgeHeldRead),
		heldCase("rename, unlink inside open (fanotify)", byFanotify, renameAway, readHeld, judgeHeldRead),
		heldCase("unlink inside open (lease)", byLease, unlinkFile, readHeld, judgeHeldRead),
	},
}

const fileOutlives = "unlink(2): a file lives on while a process has it open, and an open has the file as soon as it has found it."

// whyNodesLosePaths is about opens that have found a file whose name is taken away before they reach the file system.
var whyNodesLosePaths = map[string]string{
	"fuse": "libfuse turns what the open has found back into a path before it opens that, and what lost its name meanwhile has none: ENOENT (fuse_lib_open and try_get_path, lib/fuse.c).",
}

const aliveSize = 4 << 10 // bytes of the file that is removed

func unlinkFile() error { return unix.Unlink("file") }

func renameAway() error {
	if err := unix.Rename("file", "away"); err != nil {
		return err
	}
	return unix.Unlink("away")
}

// removalCase is a reader, and a process that removes the file and makes it anew:
// by link(2), so that it is whole at once and an existing name is an error.
func removalCase(name string, right func() error, surprises bool) *Case {
	return &Case{
		Name: name, Allowed: fileOutlives, Shares: 4, Rare: surprises,
		Roles: []Role{{"deleter", func(p *Proc) {
			remove := Pick(p, right, func() error {
				unix.Truncate("file", 0)
				return right()
			})
			var err, anew error
			p.Race(func() {
				p.Window(func() { err = remove() })
				anew = unix.Link("next", "file")
			})
			p.Must("remove the file", err)
			p.SetErr(anew)
			p.Say("removed the file and made it anew")
		}}, {"reader", func(p *Proc) {
			var fd int
			var st unix.Stat_t
			var err error
			p.Race(func() {
				p.Window(func() { fd, err = unix.Open("file", unix.O_RDONLY|unix.O_CLOEXEC, 0) })
				if err == nil {
					err = unix.Fstat(fd, &st)
				}
			})
			if p.SetErr(err); err != nil {
				return
			}
			p.read(fd, &st)
			p.Close(fd)
		}}},
		Setup: layOutRemoval,
		Judge: func(p *Proc, said []*Said) Outcome {
			if said[0].Err != nil {
				return Broken("the file was removed and could not be made anew")
			}
			deleter, reader := &p.board.slots[0], &p.board.slots[1]
			before := deleter.closed < reader.closed
			out := p.judgeRead(said[1], before)
			if out.kind == surprising && !surprises {
				return Fine
			}
			return out
		},
	}
}

func layOutRemoval(p *Proc) {
	p.Remove("file", "next", "away")
	p.Write("file", string(filled('o', aliveSize)))
	p.Write("next", string(filled('n', aliveSize)))
}

// read tells what an open file is: values are inode, link count, and whether the
// content is that of the old or new file, whole.
func (p *Proc) read(fd int, st *unix.Stat_t) {
	b, err := p.readAt(fd, aliveSize+1)
	p.Must("read the file", err)
	p.Set(0, int64(st.Ino))
	p.Set(1, int64(st.Nlink))
	if len(b) == aliveSize && (pure(b, 'o') || pure(b, 'n')) {
		p.Set(2, 1)
	}
	p.Say("inode %d, link count %d, content %s", st.Ino, st.Nlink, picture(runs(b)))
}

// judgeRead looks at what a reader got; before: the name was gone before the open returned.
func (p *Proc) judgeRead(reader *Said, before bool) Outcome {
	switch {
	case reader.Err == unix.ENOENT:
		p.Tally("ENOENT")
		return Fine
	case reader.Err != nil:
		return Broken("the open failed, and not with ENOENT")
	case reader.Values[0] == 0:
		return Broken("the open gave inode 0")
	case reader.Values[2] == 0:
		return Broken("the open gave a file that was empty or not whole")
	case reader.Values[1] == 0 && before:
		p.Tally("link count 0 at return")
		return Surprise("the open gave a file that had no name any more")
	case reader.Values[1] == 0:
		p.Tally("link count 0 soon after")
	}
	return Fine
}

// readHeld is the reader of a held open.
func readHeld(p *Proc, fd int, st *unix.Stat_t) { p.read(fd, st) }

func judgeHeldRead(p *Proc, said []*Said) Outcome { return p.judgeRead(said[1], true) }

// reasonOf is the first line of an error.
func reasonOf(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}
