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
				if err := openClose("new"+strconv.Itoa(i), unix.O_CREAT|unix.O_WRONLY); err != nil {
					return err
				}
			}
			return nil
		}, ""),
		readBeside("removal", func(p *Proc) error {
			for i := range touched {
				if err := unix.Unlink("old" + strconv.Itoa(i)); err != nil {
					return err
				}
			}
			return nil
		}, ""),
		readBeside("rename", func(p *Proc) error {
			for i := range touched {
				if err := unix.Rename("old"+strconv.Itoa(i), "new"+strconv.Itoa(i)); err != nil {
					return err
				}
			}
			return nil
		}, "POSIX leaves open whether a renamed entry appears under its old name, its new one, both, or neither: it was removed and added since the directory was opened."),
	},
}

// How many entries are never touched, and how many are.
const (
	untouched = 100
	touched   = 8
)

// readBeside reads a directory in small pieces while another process changes it.
func readBeside(name string, change func(p *Proc) error, allowed string) *Case {
	return &Case{
		Name: name, Allowed: allowed, Trials: 2000,
		Setup: func(p *Proc) {
			if p.Trial() == 0 {
				p.Must("mkdir", os.MkdirAll("dir", 0o777))
				for i := range untouched {
					p.Write("dir/keep"+strconv.Itoa(i), "")
				}
			}
			for i := range touched {
				p.Remove("dir/new" + strconv.Itoa(i))
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
			if v[3] > 0 {
				p.Tally("a touched entry appeared twice")
			}
			switch {
			case said[0].Err != nil:
				return Broken("reading the directory failed")
			case v[0] > 0:
				return Broken(fmt.Sprintf("%d entries that nobody touched did not appear", v[0]))
			case v[1] > 0:
				return Broken(fmt.Sprintf("%d entries that nobody touched appeared twice", v[1]))
			case name == "rename" && v[2] > 0:
				p.Tally("a renamed entry appeared under neither name")
				return Surprise("a renamed entry appeared under neither name")
			case name == "rename" && v[4] > 0:
				p.Tally("a renamed entry appeared under both names")
				return Surprise("a renamed entry appeared under both names")
			}
			return Fine
		},
	}
}

// tallyNames sets how many untouched entries are missing (0) and doubled (1), how
// many touched ones are there under neither name (2), doubled (3), and there under both names (4).
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
		old, fresh := seen["old"+strconv.Itoa(i)], seen["new"+strconv.Itoa(i)]
		switch {
		case old > 1 || fresh > 1:
			p.slot.values[3]++
		case old+fresh == 0:
			p.slot.values[2]++
		case old+fresh == 2:
			p.slot.values[4]++
		}
	}
	p.Say("read %d entries", len(names))
}

// readAll reads a directory with a small buffer, so that it takes many calls. In
// the proof that the test can fail it goes back to the start once.
func readAll(fd int, back bool) (names []string, err error) {
	buf := make([]byte, 1024)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if err != nil || n <= 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
		if back && len(names) > untouched/2 {
			back = false
			if _, err := unix.Seek(fd, 0, 0); err != nil {
				return names, err
			}
		}
	}
}
