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
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"filerace/internal/hunt"
	"filerace/internal/litmus"
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
	{"watch", "", "live, the whole system, nothing restarted", watchCommand},
	{"explain", "TRACE…", "find the races in a recorded run, or in a log of strace, perf trace or openclosesnoop", explainCommand},
	{"litmus", "[DIR]", "what this kernel and this file system guarantee to processes that race", litmusCommand},
	{"rules", "[NAME]", "each race kind: why, wrong code, right code", rulesCommand},
	{"demo", "[NAME]", "small racy and safe programs to try all this on", demoCommand},
	{"lock", "FILE CMD", "run a command that holds a lock: a flock(1) that cannot be split", lockCommand},
	{"doctor", "", "what works here and what to do about what does not", doctorCommand},
}

func main() {
	litmus.MaybeAct()
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
		fmt.Fprintf(c.out, "usage: filerace %s\n\n%s\n", strings.TrimSpace(name+" "+args), about)
		describeFlags(c.out, f)
	}
	return f
}

// describeFlags lists the flags with two dashes, as the texts spell them; one dash does as well.
func describeFlags(w io.Writer, f *flag.FlagSet) {
	first := true
	f.VisitAll(func(fl *flag.Flag) {
		if first {
			fmt.Fprintln(w)
			first = false
		}
		value, text := flag.UnquoteUsage(fl)
		name := "--" + fl.Name
		if len(fl.Name) == 1 {
			name = name[1:]
		}
		if fl.DefValue != "" && fl.DefValue != "false" {
			text += " (" + fl.DefValue + ")"
		}
		fmt.Fprintf(w, "  %-18s %s\n", strings.TrimSpace(name+" "+value), text)
	})
}

// parse parses flags; stop tells that the command is over, with that status.
func parse(c *console, f *flag.FlagSet, args []string) (stop bool, status int) {
	usage := f.Usage
	f.Usage = func() {} // Parse would call it for every mistake, too
	err := f.Parse(args)
	switch {
	case err == nil:
		return false, 0
	case errors.Is(err, flag.ErrHelp):
		usage()
		return true, exitClean
	}
	return true, wrong(c, f.Name(), mistake(f, err))
}

// mistake says what is wrong with a flag, in the words of the commands' own checks where the
// flag package says no more than that a value cannot be read.
func mistake(f *flag.FlagSet, err error) string {
	if m := unreadable.FindStringSubmatch(err.Error()); m != nil {
		if takes := valueOf(f.Lookup(m[2])); takes != "" {
			return fmt.Sprintf("--%s takes %s, and %s is none", m[2], takes, m[1])
		}
	}
	return oneDash.ReplaceAllString(err.Error(), " --$1")
}

// valueOf says what a flag takes, "" if that goes without saying.
func valueOf(fl *flag.Flag) string {
	if fl == nil {
		return ""
	}
	if g, ok := fl.Value.(flag.Getter); ok {
		switch g.Get().(type) {
		case int, int64, uint, uint64:
			return "a whole number"
		case float64:
			return "a number"
		case bool:
			return "true or false"
		case time.Duration:
			return "a time such as 30s or 5m"
		}
	}
	return ""
}

// unreadable is how the flag package says that a value cannot be read.
var unreadable = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([^:]+): parse error$`)

// emptyFlag returns the first of the flags that was given as "", as by a shell variable
// that is not set; "" if none was.
func emptyFlag(f *flag.FlagSet, names ...string) (empty string) {
	f.Visit(func(fl *flag.Flag) {
		if empty == "" && fl.Value.String() == "" && slices.Contains(names, fl.Name) {
			empty = fl.Name
		}
	})
	return empty
}

// oneDash is how the flag package spells a flag.
var oneDash = regexp.MustCompile(` -(\w\w)`)
