package litmus

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

var readDirectory = &Test{
	Name:      "readdir",
	Guarantee: "Entries that nobody touches appear exactly once when a directory is read, whatever is created, removed and renamed beside them.",
	Source:    "POSIX.1-2024 readdir(): only entries added or removed since the directory was opened may or may not appear",
	Cases: []*Case{
		readBeside("creation", func(p *Proc) error {
			for i := range touched {
				if err := openClose(renamed(i), unix.O_CREAT|unix.O_WRONLY); err != nil {
					return err
				}
			}
			return nil
		}),
		readBeside("removal", func(p *Proc) error {
			for i := range touched {
				if err := unix.Unlink("old" + strconv.Itoa(i)); err != nil {
					return err
				}
			}
			return nil
		}),
		readBeside("rename", func(p *Proc) error {
			for i := range touched {
				if err := unix.Rename("old"+strconv.Itoa(i), renamed(i)); err != nil {
					return err
				}
			}
			return nil
		}),
		renameBehind,
	},
}

// How many entries are never touched, and how many are.
const (
	untouched = 100
	touched   = 8
	between   = untouched / touched
)

// renamed is a name that is longer than the old one: in the old one's place there is
// no room for it.
func renamed(i int) string { return "new-and-very-much-longer-than-before-" + strconv.Itoa(i) }

// readBeside reads a directory in small pieces while another process changes it.
func readBeside(name string, change func(p *Proc) error) *Case {
	return &Case{
		Name: name, Trials: 2000,
		Setup: func(p *Proc) {
			if p.Trial() == 0 {
				p.Must("mkdir", os.MkdirAll("dir", 0o777))
				for i := range untouched {
					p.Write("dir/keep"+strconv.Itoa(i), "")
				}
			}
			for i := range touched {
				p.Remove("dir/" + renamed(i))
				if name != "creation" {
					p.Write("dir/old"+strconv.Itoa(i), "")
				}
			}
		},
		Roles: []Role{
			{"reader", func(p *Proc) {
				fd := p.Open("dir", unix.O_RDONLY)
				defer p.Close(fd)
				var names []string
				var err error
				p.Race(func() { names, err = readAll(fd, p.Shim()) })
				p.SetErr(err)
				p.tallyNames(names)
			}},
			{"changer", func(p *Proc) {
				p.Must("chdir", unix.Chdir("dir"))
				defer unix.Chdir("..")
				var err error
				p.Race(func() { err = change(p) })
				p.Must(name, err)
			}},
		},
		Judge: func(p *Proc, said []*Said) Outcome {
			v := said[0].Values
			switch {
			case said[0].Err != nil:
				return Broken("reading the directory failed")
			case v[0] > 0:
				return Broken(fmt.Sprintf("%d entries that nobody touched did not appear", v[0]))
			case v[1] > 0:
				return Broken(fmt.Sprintf("%d entries that nobody touched appeared twice", v[1]))
			}
			return Fine
		},
	}
}

// tallyNames sets how many untouched entries are missing (0) and doubled (1), and how
// many touched ones are there under neither name (2) and under both (3).
func (p *Proc) tallyNames(names []string) {
	seen := map[string]int{}
	for _, n := range names {
		seen[n]++
	}
	for i := range untouched {
		switch seen["keep"+strconv.Itoa(i)] {
		case 0:
			p.slot.values[0]++
		case 1:
		default:
			p.slot.values[1]++
		}
	}
	for i := range touched {
		switch seen["old"+strconv.Itoa(i)] + seen[renamed(i)] {
		case 0:
			p.slot.values[2]++
		case 1:
		default:
			p.slot.values[3]++
		}
	}
	p.Say("read %d entries", len(names))
}

// renameBehind: half the directory is read, then entries all over it are renamed,
// then the rest is read.
var renameBehind = &Case{
	Name: "renamed entries appear once", InTurn: true, Trials: 20,
	Allowed: "POSIX leaves open whether an entry that is removed or added after the directory was opened appears, and renaming is both: it may appear under either name, both, or neither.",
	Why: map[string]string{
		"ext4":    "ext4 reads in the order of the names' hashes (ext4_dx_readdir, fs/ext4/dir.c): the new name may lie before the place that was reached, or behind it.",
		"xfs":     "xfs reads in the order of places (xfs_dir2_block_getdents, fs/xfs/xfs_dir2_readdir.c), and a name that needs more room than the old one goes to the largest free place, behind all others (xfs_dir2_block_need_space, fs/xfs/libxfs/xfs_dir2_block.c): it is read, too.",
		"btrfs":   "btrfs gives a new name the next index and reads up to the last index at the time of opening (btrfs_opendir, fs/btrfs/inode.c, since Linux 6.5), so a new name never appears.",
		"tmpfs":   "tmpfs reads its newest entry first (offset_iterate_dir, fs/libfs.c), and a rename makes an entry the newest (__d_move, fs/dcache.c), so the new name never appears to who has begun to read.",
		"overlay": "it reads a directory that only one layer has from the file system below, which decides (ovl_iterate, fs/overlayfs/readdir.c).",
	},
	Setup: func(p *Proc) {
		p.Remove("dir")
		p.Must("mkdir", unix.Mkdir("dir", 0o777))
		for i := range untouched {
			p.create("dir/keep" + strconv.Itoa(i))
			if n := i / between; i%between == 0 && n < touched {
				p.create("dir/old" + strconv.Itoa(n))
			}
		}
	},
	Roles: []Role{
		{"reader", func(p *Proc) {
			fd := p.Open("dir", unix.O_RDONLY)
			defer p.Close(fd)
			var names, rest []string
			var err error
			p.Turn(0, func() { names, err = readSome(fd, nil, untouched/2) })
			p.Must("read the directory", err)
			p.Turn(2, func() { rest, err = readAll(fd, p.Shim()) })
			p.Must("read the directory", err)
			p.tallyNames(append(names, rest...))
		}},
		{"renamer", func(p *Proc) {
			p.Turn(1, func() {
				for i := range touched {
					p.Must("rename", unix.Rename("dir/old"+strconv.Itoa(i), "dir/"+renamed(i)))
				}
			})
		}},
	},
	Judge: func(p *Proc, said []*Said) Outcome {
		v := said[0].Values
		if v[2] > 0 {
			p.Tally("under neither name")
		}
		if v[3] > 0 {
			p.Tally("under both names")
		}
		switch {
		case v[0] > 0 || v[1] > 0:
			return Broken("an entry that nobody touched did not appear, or appeared twice")
		case v[2] > 0:
			return Surprise("a renamed entry appeared under neither name")
		case v[3] > 0:
			return Surprise("a renamed entry appeared under both names")
		}
		return Fine
	},
}

// readAll reads a directory with a small buffer, so that it takes many calls. In
// the proof that the test can fail it goes back to the start once.
func readAll(fd int, back bool) (names []string, err error) {
	if back {
		if names, err = readSome(fd, names, untouched/4); err != nil {
			return names, err
		}
		if _, err := unix.Seek(fd, 0, 0); err != nil {
			return names, err
		}
	}
	return readSome(fd, names, -1)
}

// readSome reads on until there are so many names; -1: to the end.
func readSome(fd int, names []string, enough int) ([]string, error) {
	buf := make([]byte, 1024)
	for enough < 0 || len(names) < enough {
		n, err := unix.ReadDirent(fd, buf)
		if err != nil || n <= 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	return names, nil
}
