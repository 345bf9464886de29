package litmus

import (
	"strconv"

	"golang.org/x/sys/unix"
)

var exclusiveCreate = &Test{
	Name:      "create",
	Guarantee: "Of several processes that create one name exclusively, exactly one succeeds, and the others get EEXIST.",
	Source:    "POSIX.1-2024 open(), mkdir(), link(), symlink(): EEXIST; open(2), O_EXCL; rename(2), RENAME_NOREPLACE",
	Cases: []*Case{
		exclusiveCase("O_CREAT|O_EXCL", createFile, func(_, to string) error {
			return lookThen(to, func() error { return openClose(to, unix.O_CREAT|unix.O_WRONLY) })
		}),
		exclusiveCase("mkdir", func(_, to string) error { return unix.Mkdir(to, 0o777) }, func(_, to string) error {
			err := unix.Mkdir(to, 0o777)
			if err == unix.EEXIST {
				return nil // as mkdir -p has it
			}
			return err
		}),
		exclusiveCase("link", unix.Link, func(from, to string) error {
			return lookThen(to, func() error { unix.Unlink(to); return unix.Link(from, to) })
		}),
		exclusiveCase("symlink", unix.Symlink, func(from, to string) error {
			return lookThen(to, func() error { unix.Unlink(to); return unix.Symlink(from, to) })
		}),
		exclusiveCase("RENAME_NOREPLACE", renameNoReplace, func(from, to string) error {
			return lookThen(to, func() error { return unix.Rename(from, to) })
		}),
	},
}

// exclusiveCase lets two processes make one name, each from a file of its own.
func exclusiveCase(name string, right, wrong func(from, to string) error) *Case {
	act := func(p *Proc) {
		from := "mine" + strconv.Itoa(p.Index())
		do := Pick(p, right, wrong)
		var err error
		p.Race(func() { err = do(from, "name") })
		if lacking(err) || err == unix.EINVAL {
			p.Skip("%s: not supported here: %v", name, err)
		}
		p.SetErr(err)
		if err == nil {
			p.Say("made the name")
		}
	}
	return &Case{
		Name:  name,
		Roles: []Role{{"first", act}, {"second", act}},
		Setup: func(p *Proc) {
			p.Remove("name")
			p.Write("mine0", "0")
			p.Write("mine1", "1")
		},
		Judge: oneWinner,
	}
}

// oneWinner: one process succeeded, the others found the name taken.
func oneWinner(p *Proc, said []*Said) Outcome {
	winners := 0
	for _, s := range said {
		switch s.Err {
		case nil:
			winners++
		case unix.EEXIST:
		default:
			return Broken("an error that is not EEXIST")
		}
	}
	if winners != 1 {
		return Broken(strconv.Itoa(winners) + " processes made the same name")
	}
	if !exists("name") {
		return Broken("the name is not there")
	}
	return Fine
}

func createFile(_, to string) error { return openClose(to, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY) }

func openClose(name string, flags int) error {
	fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// lookThen makes a name only if it is not there: the wrong way.
func lookThen(name string, create func() error) error {
	if exists(name) {
		return unix.EEXIST
	}
	return create()
}
