package litmus

import (
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

var inodeReuse = &Test{
	Name:      "reuse",
	Guarantee: "Device and inode number name one file as long as it lives, and another one later; a generation or a file handle never names two.",
	Source:    "POSIX.1-2024 <sys/stat.h>, st_dev and st_ino; stat(2); statx(2), stx_btime; name_to_handle_at(2)",
	Cases: []*Case{
		numberReuse,
		tellsApart("birth time", birthTime, modificationTime, "A file's birth time is read from the kernel's clock, whose steps may be 1 to 10 ms; no standard promises that two files of one number differ in it; statx(2)."),
		tellsApart("generation", generation, modificationTime, ""),
		tellsApart("file handle", fileHandle, modificationTime, ""),
	},
}

// How many files each process makes in a trial, each at once after it removed the one
// before: the sooner a number comes back, the harder it is to tell two files apart by a
// time. It goes on until one came back; XFS sets numbers free in the background.
const (
	generations     = 200
	mostGenerations = 1000
)

// generations makes files and removes them while another process does the same.
// create tells whether a number has come back.
func (p *Proc) generations(name string, create func(i int) bool) {
	p.Race(func() {
		back := false
		for i := 0; i < generations || !back && i < mostGenerations; i++ {
			back = create(i) || back
			p.Must("remove", unix.Unlink(name))
		}
	})
}

func (p *Proc) create(name string) {
	p.Must("create "+name, openClose(name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY))
}

// mine is a name that only this process of the case uses.
func (p *Proc) mine(name string) string { return name + strconv.Itoa(p.Index()) }

var numberReuse = &Case{
	Name: "inode number", Trials: 3,
	Allowed: "An inode number is unique among the files that exist at one time; POSIX.1-2024 <sys/stat.h> says nothing of later ones.",
	Why: map[string]string{
		"btrfs": "btrfs counts inode numbers up and does not give one out again (btrfs_get_free_objectid, fs/btrfs/disk-io.c).",
		"tmpfs": "tmpfs takes inode numbers from a counter (shmem_reserve_inode, mm/shmem.c).",
	},
	Roles: both(func(p *Proc) {
		file, alive := p.mine("file"), p.mine("alive")
		p.Remove(file)
		p.Write(alive, "")
		stays := p.number(alive)
		seen := map[uint64]int{}
		p.generations(file, func(i int) bool {
			if p.Shim() {
				p.Must("link", unix.Link(alive, file))
			} else {
				p.create(file)
			}
			n := p.number(file)
			if n == stays {
				p.Set(1, 1)
			}
			if since, back := seen[n]; back && p.slot.values[0] == 0 {
				p.Set(0, int64(i-since))
				p.Say("inode %d was removed, and came back with file %d after it", n, i-since)
			}
			seen[n] = i
			return p.slot.values[0] > 0
		})
	}),
	Judge: func(p *Proc, said []*Said) Outcome {
		back := false
		for _, s := range said {
			if s.Values[1] == 1 {
				return Broken("two files that exist have one inode number")
			}
			if s.Values[0] > 0 {
				p.Least("files made until a number came back, at the least", s.Values[0])
				back = true
			}
		}
		if back {
			return Surprise("an inode number came back")
		}
		return Fine
	},
}

func (p *Proc) number(name string) uint64 {
	n, err := inodeNumber(name)
	p.Must("stat", err)
	return n
}

func inodeNumber(name string) (uint64, error) {
	var st unix.Stat_t
	err := unix.Stat(name, &st)
	return uint64(st.Ino), err
}

// modificationTime does not tell files apart, and changes: a shim.
func modificationTime(name string) (ino uint64, mark string, err error) {
	st, err := os.Stat(name)
	if err != nil {
		return 0, "", err
	}
	ino, err = inodeNumber(name)
	return ino, st.ModTime().String(), err
}

const cameBack = "an inode number came back"

// tellsApart: two files that bear one inode number, one after the other, differ in
// a mark, and a file keeps its mark as long as it lives. What is allowed says why two
// may have the same mark; "": they may not.
func tellsApart(name string, right, wrong func(name string) (ino uint64, mark string, err error), allowed string) *Case {
	act := func(p *Proc) {
		file := p.mine("file")
		p.Remove(file)
		read := Pick(p, right, wrong)
		mark := func() (uint64, string) {
			n, m, err := read(file)
			p.Must("read the "+p.c.Name, err)
			return n, m
		}
		last := map[uint64]string{}
		p.generations(file, func(i int) bool {
			p.create(file)
			n, m := mark()
			if before, seen := last[n]; seen {
				p.Set(0, p.slot.values[0]+1)
				if before == m {
					p.Set(1, p.slot.values[1]+1)
					p.Say("inode %d was removed and made anew, and its %s is %s both times", n, p.c.Name, m)
				}
			}
			last[n] = m
			if i == 0 {
				p.changed(file)
				if _, now := mark(); now != m {
					p.Set(2, 1)
				}
			}
			return p.slot.values[0] > 0
		})
	}
	return &Case{
		Name: name, Trials: 3, Allowed: allowed, Roles: both(act),
		Judge: func(p *Proc, said []*Said) Outcome {
			var v [3]int64
			for _, s := range said {
				for i := range v {
					v[i] += s.Values[i]
				}
			}
			switch {
			case v[2] > 0:
				return Broken("the " + name + " of a file changed while it lived")
			case v[0] > 0:
				p.Tally(cameBack)
			case p.Tallied(cameBack) == 0:
				p.Skip("no inode number came back in %d files, so there was nothing to tell apart", 2*mostGenerations)
			}
			switch {
			case v[1] > 0 && allowed == "":
				return Broken("two files had one inode number and one " + name)
			case v[1] > 0:
				return Surprise("two files had one inode number and one " + name)
			}
			return Fine
		},
	}
}

// changed changes all of a file that can be: its bytes, times, mode and name.
func (p *Proc) changed(name string) {
	p.Write(name, "changed")
	p.Must("set the times", os.Chtimes(name, time.Unix(1, 0), time.Unix(2, 0)))
	p.Must("set the mode", os.Chmod(name, 0o600))
	p.Must("rename", os.Rename(name, name+"-moved"))
	p.Must("rename", os.Rename(name+"-moved", name))
}
