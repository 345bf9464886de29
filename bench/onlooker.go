package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"filerace/internal/op"
)

// onlooker is another program that looks on at a storm and writes what it sees to a
// file in memory.
type onlooker struct {
	name    string
	argv    []string // the storm's command comes behind them; behind -c in one word
	in      string   // Debian's package
	asked   string   // what for
	each    int      // it writes a line for each so many calls; 0: it writes no lines
	beside  bool     // it is started before the storm, knows it by its name, and writes to its standard output
	untold  int      // calls that it should have told, of the storm of which it told least
	ordered int      // calls that it should have told of one storm
}

// row is the name of its row.
func (o *onlooker) row() string {
	if o.beside {
		return o.name + " (opens alone)"
	}
	return o.name
}

// onlookers are asked for the same calls as far as they can be: those of the storm.
func (s *storm) onlookers() []*onlooker {
	calls := stormCalls()
	script := `tracepoint:raw_syscalls:sys_exit /comm == "storm"/ { printf("%llu %d %lld %lld\n", nsecs, tid, args->id, args->ret); }`
	opens := "is started before the storm and tells a line at the return of each open, with program, path and result; of other calls nothing"
	return []*onlooker{
		{name: "strace -f", argv: []string{"strace", "-f", "-e", "trace=" + calls, "-o", s.told},
			in: "strace", asked: "-e trace=" + calls + ": a line a call, arguments decoded", each: 1},
		{name: "strace -f --seccomp-bpf", argv: []string{"strace", "-f", "--seccomp-bpf", "-e", "trace=" + calls, "-o", s.told},
			in: "strace", asked: "the same", each: 1},
		{name: "perf trace", argv: []string{"perf", "trace", "-e", calls, "-o", s.told},
			in: "linux-perf", asked: "-e " + calls + ": a line a call, arguments decoded; it is woken for every event", each: 1},
		{name: "perf trace record", argv: []string{"perf", "trace", "record", "-o", s.told},
			in: "linux-perf", asked: "entry and return of all calls, as they are, to be decoded later; it is woken when a buffer is half full"},
		{name: "bpftrace", argv: []string{"bpftrace", "-q", "-o", s.told, "-e", script, "-c"},
			in: "bpftrace", asked: "a line at each return with time, thread, number and result, no names and no arguments", each: 1},
		{name: "opensnoop", argv: []string{"opensnoop", "-n", "storm"}, in: "libbpf-tools", asked: opens, each: 5, beside: true},
		{name: "opensnoop-bpfcc", argv: []string{"opensnoop-bpfcc", "-n", "storm"}, in: "bpfcc-tools", asked: "the same, compiled when it starts", each: 5, beside: true},
	}
}

// stormCalls lists the calls that a storm makes on this architecture.
func stormCalls() string {
	unlink := "unlink"
	if op.Native.Number(op.Named(unlink)) == op.None {
		unlink = "unlinkat"
	}
	return "openat,flock,write," + unlink + ",close"
}

// tried returns the onlookers that are installed and work, and notes why the others
// have no row.
func (s *storm) tried(out *section) (there []*onlooker) {
	for _, o := range s.onlookers() {
		if _, err := exec.LookPath(o.argv[0]); err != nil {
			out.note("%s: not installed (apt-get install %s)", o.name, o.in)
			continue
		}
		if _, err := s.seenBy(o, s.calls/100); err != nil {
			out.note("%s: does not work here: %v", o.name, err)
			continue
		}
		there = append(there, o)
	}
	return there
}

// told says what the onlookers were asked for, and which of them did not tell it all.
func told(out *section, list []*onlooker, where string) {
	var asked, short []string
	for _, o := range list {
		asked = append(asked, o.name+": "+o.asked)
		if o.untold > 0 {
			short = append(short, fmt.Sprintf("%s left out %d of %d lines in one storm", o.name, o.untold, o.ordered))
		}
	}
	if len(list) == 0 {
		return
	}
	out.note("The other tools write to a file on %s. %s.", where, strings.Join(asked, ". "))
	out.note("%s.", cmp.Or(strings.Join(short, "; "), "Every tool that writes lines wrote one for each call that it was asked for"))
}

// seenBy runs a storm of n calls while an onlooker looks on, and counts what it told.
func (s *storm) seenBy(o *onlooker, n int) (a answer, err error) {
	defer os.Remove(s.told)
	mark := ""
	if o.beside {
		mark = " storm "
		a, err = s.beside(n, o.argv)
	} else {
		a, err = s.under(n, o.argv...)
	}
	if err != nil || o.each == 0 {
		return a, err
	}
	text, err := os.ReadFile(s.told)
	lines := 0
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(mark)) {
			lines++
		}
	}
	if missing := n/o.each - lines; missing > o.untold || o.ordered == 0 {
		o.untold, o.ordered = max(missing, 0), n/o.each
	}
	return a, err
}

// besideTime is how long a program may look on from beside; one that does not begin
// or does not end is killed then.
const besideTime = time.Minute

// beside runs a storm of n calls when a program that was started before it has begun
// to look on.
func (s *storm) beside(n int, argv []string) (a answer, err error) {
	file, err := os.Create(s.told)
	if err != nil {
		return a, err
	}
	defer file.Close()
	ctx, stop := context.WithTimeout(s.l.ctx, besideTime)
	defer stop()
	cmd := s.l.command(ctx, s.l.memory, argv[0], argv[1:]...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = file, &said
	if err := cmd.Start(); err != nil {
		return a, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := s.begun(ended); err != nil {
		return a, errors.New(firstError(said.Bytes(), err))
	}
	a, err = s.under(n)
	cmd.Process.Signal(syscall.SIGINT) // it writes out what it holds
	<-ended
	return a, err
}

// begun makes small storms under another name until one was told: what a program has
// to tell is kept in its buffer at first.
func (s *storm) begun(ended <-chan error) error {
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("it ended before it saw anything: %w", cmp.Or(err, errors.New("exit status 0")))
		default:
		}
		small := s.l.command(s.l.ctx, s.l.memory, s.program+littleStorm, "1000")
		small.Stdin = strings.NewReader("\n")
		if err := small.Run(); err != nil {
			return err
		}
		if text, err := os.ReadFile(s.told); err != nil || bytes.Contains(text, []byte(filepath.Base(s.program)+littleStorm)) {
			return err
		}
	}
}

// littleStorm is behind the storm's name in that of a small one.
const littleStorm = "let"

// firstError is the first line of what a failed program said that tells why. Shells
// that it started and a limit that does not matter any more (Linux 5.11) are passed over.
func firstError(said []byte, failed error) string {
	for line := range strings.Lines(string(said)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "sh: ") && !strings.Contains(line, "RLIMIT_MEMLOCK") {
			return line
		}
	}
	return failed.Error()
}
