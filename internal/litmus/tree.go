package litmus

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

var removeTrees = &Test{
	Name:      "tree",
	Guarantee: "rmdir removes an empty directory only: of a removal and a creation inside it one fails. Two that remove one tree both come to an end, and it is gone.",
	Source:    "POSIX.1-2024 rmdir(): ENOTEMPTY or EEXIST; unlink(), open(): ENOENT",
	Cases:     []*Case{rmdirCreate, removeTwice, removeFilled},
}

var rmdirCreate = &Case{
	Name: "rmdir against creation",
	Setup: func(p *Proc) {
		p.Remove("dir")
		p.Must("mkdir", unix.Mkdir("dir", 0o777))
	},
	Roles: []Role{
		{"remover", func(p *Proc) {
			rmdir := Pick(p, unix.Rmdir, os.RemoveAll)
			var err error
			p.Race(func() { err = rmdir("dir") })
			p.SetErr(err)
			p.Say("rmdir")
		}},
		{"creator", func(p *Proc) {
			var err error
			p.Race(func() { err = openClose("dir/file", unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY) })
			p.SetErr(err)
			p.Say("create")
		}},
	},
	Judge: func(p *Proc, said []*Said) Outcome {
		rmdir, create := said[0].Err, said[1].Err
		switch {
		case rmdir == nil && create == nil:
			return Broken("both succeeded")
		case rmdir != nil && create != nil:
			return Broken("both failed")
		case rmdir != nil && rmdir != unix.ENOTEMPTY && rmdir != unix.EEXIST:
			return Broken("rmdir failed with an error that is neither ENOTEMPTY nor EEXIST")
		case create != nil && create != unix.ENOENT:
			return Broken("creation failed with an error that is not ENOENT")
		}
		if create == nil {
			p.Tally("creation came first")
		} else {
			p.Tally("rmdir came first")
		}
		return Fine
	},
}

// makeTree makes a tree of three directories with two files in each.
func makeTree(p *Proc) {
	p.Remove("tree")
	for _, d := range treeDirs {
		p.Must("mkdir", unix.Mkdir(d, 0o777))
		for i := range 2 {
			p.Write(d+"/file"+strconv.Itoa(i), "")
		}
	}
}

var treeDirs = []string{"tree", "tree/a", "tree/a/b"}

// removeTree removes a tree as a plain program does: it stops at the first error.
func removeTree(dir string) error {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	names, err := readAll(fd, false)
	unix.Close(fd)
	if err != nil {
		return err
	}
	for _, n := range names {
		name := dir + "/" + n
		if strings.HasPrefix(n, "file") {
			err = unix.Unlink(name)
		} else {
			err = removeTree(name)
		}
		if err != nil {
			return err
		}
	}
	return unix.Rmdir(dir)
}

// patientRemove removes a tree as rm -rf does: what is gone already is fine.
func patientRemove(dir string) error { return os.RemoveAll(dir) }

var removeTwice = &Case{
	Name: "two remove one tree", Setup: makeTree, Trials: 1000, Rare: true,
	Allowed: "What one process has removed is not there for the other: ENOENT from unlink, open or rmdir; POSIX.1-2024.",
	Roles: []Role{
		{"plain", func(p *Proc) {
			var err error
			p.Race(func() { err = removeTree("tree") })
			p.SetErr(err)
			p.Say("removed it, stopping at the first error")
		}},
		{"patient", func(p *Proc) {
			remove := Pick(p, patientRemove, removeTree)
			var err error
			p.Race(func() { err = remove("tree") })
			p.SetErr(err)
			p.Say("removed it, and took no offence at what was gone")
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		plain, patient := said[0].Err, said[1].Err
		switch {
		case patient != nil:
			return Broken("the patient remover failed")
		case plain == unix.ENOENT && !exists("tree"):
			return Surprise("the plain remover found that something was gone, and gave up")
		case plain != nil:
			return Broken("the plain remover failed with an error that is not ENOENT")
		case exists("tree"):
			return Broken("both are done, and the tree is there")
		}
		return Fine
	},
}

var removeFilled = &Case{
	Name: "removal against filling", Setup: makeTree, Trials: 1000, Rare: true,
	Allowed: "An entry made after the directory was read is not seen by who removes the tree, and rmdir fails with ENOTEMPTY; POSIX.1-2024 rmdir().",
	Roles: []Role{
		{"remover", func(p *Proc) {
			var err error
			p.Race(func() { err = removeTree("tree") })
			p.SetErr(err)
			p.Say("removed the tree")
		}},
		{"filler", func(p *Proc) {
			made := 0
			p.Race(func() {
				for i := range 5 {
					name := "tree/a/b/file" + strconv.Itoa(10+i)
					if openClose(name, unix.O_CREAT|unix.O_WRONLY) == nil {
						made++
					} else if p.Shim() { // makes the way anew
						os.MkdirAll("tree/a/b", 0o777)
					}
				}
			})
			p.Say("made %d files in it", made)
		}},
	},
	Judge: func(p *Proc, said []*Said) Outcome {
		there := exists("tree")
		switch err := said[0].Err; {
		case err == nil && there:
			return Broken("the remover was done, and the tree is there")
		case err == nil:
			return Fine
		case err == unix.ENOTEMPTY || err == unix.EEXIST:
			return Surprise("the remover emptied a directory, and it was not empty")
		}
		return Broken("an error that is not ENOTEMPTY")
	},
}
