package litmus

import (
	"golang.org/x/sys/unix"
)

const replaceSize = 64 << 10 // bytes of a file that is replaced: several pages

var replace = &Test{
	Name:      "replace",
	Guarantee: "While rename puts a file in the place of another, a reader finds the old file or the new one, whole, and never no file.",
	Source:    "POSIX.1-2024 rename(): the name stays visible throughout and refers to the old or the new file; rename(2), RENAME_EXCHANGE",
	Cases: []*Case{
		replaceCase("rename", func() error { return unix.Rename("next", "file") }, func() error {
			unix.Unlink("file")
			return unix.Rename("next", "file")
		}),
		replaceCase("RENAME_EXCHANGE", func() error { return renameExchange("next", "file") }, func() error {
			unix.Rename("file", "aside")
			unix.Rename("next", "file")
			return unix.Rename("aside", "next")
		}),
	},
}

func replaceCase(name string, right, wrong func() error) *Case {
	return &Case{
		Name: name, Why: whyNodesLosePaths,
		Roles: []Role{{"writer", func(p *Proc) {
			put := Pick(p, right, wrong)
			var err error
			p.Race(func() { err = put() })
			if err == unix.EINVAL {
				p.Skip("%s: not supported here: %v", name, err)
			}
			p.Must(name, err)
			p.Say("put the new file in the place of the old")
		}}, {"reader", readWhole}},
		Setup: func(p *Proc) {
			p.Remove("file", "next", "aside")
			p.Write("file", string(filled('o', replaceSize)))
			p.Write("next", string(filled('n', replaceSize)))
		},
		Judge: func(p *Proc, said []*Said) Outcome {
			reader := said[1]
			if reader.Err == unix.ENOENT {
				return Broken("the reader found no file")
			}
			p.Must("read the file", reader.Err)
			if reader.Values[0] != replaceSize {
				return Broken("the reader found a file that was not whole")
			}
			if !pure(p.content("file"), 'n') {
				return Broken("the new file is not there in the end")
			}
			p.Tally(map[bool]string{true: "found the old file", false: "found the new file"}[reader.Values[1] == 'o'])
			return Fine
		},
	}
}

// readWhole reads the file by its name: values are how many bytes it held, -1 if
// not all are the same letter, and the letter.
func readWhole(p *Proc) {
	var fd int
	var err error
	p.Race(func() {
		p.Window(func() { fd, err = unix.Open("file", unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	})
	if p.SetErr(err); err != nil {
		return
	}
	defer p.Close(fd)
	b, err := p.readAt(fd, replaceSize+1)
	p.Must("read the file", err)
	all := runs(b)
	p.Say("read %s", picture(all))
	p.Set(0, -1)
	if len(all) == 1 {
		p.Set(0, int64(len(b)))
		p.Set(1, int64(b[0]))
	}
}
