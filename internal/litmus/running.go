package litmus

import (
	"io"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

var runningProgram = &Test{
	Name:      "running",
	Guarantee: "The file of a running program cannot be opened for writing, nor run while it is open for writing: ETXTBSY. It can be removed and replaced.",
	Source:    "POSIX.1-2024 open(), exec: ETXTBSY may be reported; open(2), truncate(2), execve(2)",
	Cases:     []*Case{writeRunning, runWritten},
}

// program makes "program" a new name of a copy of this program.
func program(p *Proc) {
	p.Remove("program")
	if !exists("copy") {
		p.Must("copy this program", copyFile(p.errand.Program, "copy"))
	}
	p.Must("link the copy", unix.Link("copy", "program"))
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// untilEOFAloud tells that it runs, then waits.
func untilEOFAloud(p *Proc) {
	os.Stdout.Write([]byte("\n"))
	untilEOF(p)
}

// runs makes a child that runs "program".
func (p *Proc) runs() *exec.Cmd {
	cmd := p.Child("program")
	cmd.Path, cmd.Args = "./program", []string{"./program"}
	return cmd
}

var textBusy = "POSIX permits to write to a running program's file; ETXTBSY is an error that open() may report."

var writeRunning = &Case{
	Name: "written while it runs", InTurn: true, Trials: 20, Setup: program,
	Allowed:  textBusy,
	Children: map[string]func(*Proc){"program": untilEOFAloud},
	Roles: []Role{
		{"runner", func(p *Proc) {
			p.Turn(0, nil)
			cmd := p.runs()
			in, err := cmd.StdinPipe()
			p.Must("pipe", err)
			out, err := cmd.StdoutPipe()
			p.Must("pipe", err)
			if err := cmd.Start(); errno(err) == unix.EACCES {
				p.Skip("programs cannot be run here: %v", err)
			} else {
				p.Must("run a program", err)
			}
			out.Read(make([]byte, 1))
			p.Turn(1, nil)
			p.Turn(3, func() {
				in.Close()
				cmd.Wait()
			})
		}},
		{"writer", func(p *Proc) {
			p.Turn(2, func() {
				name := "program"
				if p.Shim() {
					p.Must("copy this program", copyFile("copy", "other"))
					name = "other"
				}
				p.Set(0, int64(errno(openClose(name, unix.O_WRONLY))))
				p.Set(1, int64(errno(unix.Truncate(name, 1<<20))))
				p.Set(2, int64(errno(unix.Unlink("program"))))
			})
			p.Turn(4, func() { p.SetErr(openClose("copy", unix.O_WRONLY)) })
		}},
	},
	Judge: func(p *Proc, said []*Said) Outcome {
		v := said[1].Values
		p.Note("open for writing: %s; truncate: %s; remove: %s", errnoName(v[0]), errnoName(v[1]), errnoName(v[2]))
		switch {
		case said[1].Err != nil:
			return Broken("it could not be opened for writing after it had ended")
		case v[2] != 0:
			return Broken("its name could not be removed")
		case unix.Errno(v[0]) == unix.ETXTBSY:
			return Fine
		case v[0] != 0:
			return Broken("an error that is not ETXTBSY")
		case runtime.GOOS == "linux":
			return Broken("it could be opened for writing")
		}
		return Surprise("it could be opened for writing")
	},
}

// errnoName is the name of an error number.
func errnoName(n int64) string {
	if n == 0 {
		return "done"
	}
	return unix.ErrnoName(unix.Errno(n))
}

var runWritten = &Case{
	Name: "run while open for writing", InTurn: true, Trials: 20, Setup: program,
	Allowed:  textBusy,
	Children: map[string]func(*Proc){"program": func(*Proc) {}},
	Roles: []Role{
		{"writer", func(p *Proc) {
			name := Pick(p, "program", "other")
			fd := p.Open(name, unix.O_WRONLY|unix.O_CREAT)
			defer p.Close(fd)
			p.Turn(0, nil)
			p.Turn(2, nil)
		}},
		{"runner", func(p *Proc) {
			p.Turn(1, func() {
				err := p.runs().Run()
				if errno(err) == unix.EACCES {
					p.Skip("programs cannot be run here: %v", err)
				}
				p.SetErr(err)
				p.Say("tried to run it")
			})
		}},
	},
	Judge: func(p *Proc, said []*Said) Outcome {
		switch err := said[1].Err; {
		case err == unix.ETXTBSY:
			return Fine
		case err != nil:
			return Broken("an error that is not ETXTBSY")
		case runtime.GOOS == "linux":
			return Broken("it could be run")
		}
		return Surprise("it could be run")
	},
}
