// Command filerace is a race detector for files. See `filerace help`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"filerace/internal/hunt"
)

// Exit statuses.
const (
	exitClean = 0
	exitUsage = 2  // wrong usage
	exitFail  = 3  // the tool could not do its work
	exitRace  = 66 // a race was found, as Go's and TSan's detectors use
)

// command is one subcommand.
type command struct {
	name, args, short string
	run               func(ctx context.Context, c *console, args []string) int
}

// console is where a command reads from and writes to.
type console struct {
	in       *os.File
	out, err *os.File
}

var commands = []command{
	{"hunt", "-- CMD", "rerun under control until a race bites; prove, minimise and save it", huntCommand},
	{"replay", "FILE", "see a saved race again", replayCommand},
	{"run", "-- CMD", "watch one run; report what happened and what could have", runCommand},
	{"rules", "[NAME]", "each race kind: why, wrong code, right code", rulesCommand},
	{"demo", "[NAME]", "small racy and safe programs to try all this on", demoCommand},
	{"doctor", "", "what works here and what to do about what does not", doctorCommand},
}

func main() {
	hunt.MaybeWork()
	os.Exit(dispatch(&console{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

func dispatch(c *console, args []string) int {
	if len(args) == 0 {
		usage(c.err)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		if len(args) < 2 {
			usage(c.out)
			return exitClean
		}
		args = []string{args[1], "-h"}
	case "version", "-version", "--version":
		fmt.Fprintln(c.out, "filerace", version())
		return exitClean
	}
	for _, cmd := range commands {
		if cmd.name == args[0] {
			// The first Ctrl-C ends the work cleanly, with what was found; the second at once.
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop)
			return cmd.run(ctx, c, args[1:])
		}
	}
	fmt.Fprintf(c.err, "filerace: there is no command %q\n", args[0])
	fmt.Fprintln(c.err, "filerace: `filerace help` lists them; to hunt for races in a program: filerace hunt -- "+strings.Join(args, " "))
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "filerace finds races on files: it reruns a program under control until one bites.")
	fmt.Fprintln(w)
	for _, cmd := range commands {
		fmt.Fprintf(w, "  filerace %-7s %-8s %s\n", cmd.name, cmd.args, cmd.short)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "`filerace help COMMAND` tells its flags. Exit status: 66 if a race was found, 2 for wrong usage,")
	fmt.Fprintln(w, "3 if the work could not be done, else 0.")
}

// newFlags makes a flag set whose errors and help are ours.
func newFlags(c *console, name, args, about string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {
		fmt.Fprintf(c.out, "usage: filerace %s %s\n\n%s\n\n", name, args, about)
		f.SetOutput(c.out)
		f.PrintDefaults()
		f.SetOutput(io.Discard)
	}
	return f
}

// parse parses flags; stop tells that the command is over, with that status.
func parse(c *console, f *flag.FlagSet, args []string) (stop bool, status int) {
	err := f.Parse(args)
	switch {
	case err == nil:
		return false, 0
	case errors.Is(err, flag.ErrHelp):
		return true, exitClean
	}
	return true, wrong(c, f.Name(), err.Error())
}

// wrong reports wrong usage.
func wrong(c *console, name, text string) int {
	fmt.Fprintf(c.err, "filerace %s: %s\n", name, text)
	fmt.Fprintf(c.err, "filerace %s: `filerace help %s` tells how it is used\n", name, name)
	return exitUsage
}

// failed reports that the work could not be done: why, and what to do.
func failed(c *console, name string, err error) int {
	fmt.Fprintf(c.err, "filerace %s: %v\n", name, err)
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(c.err, "filerace %s: %s\n", name, hint)
	}
	return exitFail
}

// hintFor says what to do about an error.
func hintFor(err error) string {
	var run *hunt.RunError
	kind := ""
	if errors.As(err, &run) {
		kind = run.Kind
	}
	switch {
	case kind == "ptrace":
		return "allow ptrace: sysctl kernel.yama.ptrace_scope=1, or in a container --cap-add=SYS_PTRACE (Docker) or a seccomp profile that allows ptrace; `filerace doctor` tells more"
	case kind == "seccomp":
		return "the kernel needs CONFIG_SECCOMP_FILTER; `filerace doctor` tells more"
	case kind == "setup":
		return "the command given with --setup must end with status 0 before every run"
	case kind == "fresh":
		return "--fresh takes a readable directory, of which each run gets a copy"
	case kind == "start":
		return "give the command as you would type it, after --"
	case kind == "scratch":
		return "runs keep their files under TMPDIR: make room there, or set TMPDIR to another directory"
	case errors.Is(err, hunt.ErrPlainFailed):
		return "mend the command first, or hunt all the same with --keep-going"
	case errors.Is(err, syscall.ENOSPC):
		return "make room on the disk, or set TMPDIR to a directory on another one"
	case errors.Is(err, hunt.ErrSaved):
		return "give a file that `filerace hunt` has saved"
	}
	return ""
}
