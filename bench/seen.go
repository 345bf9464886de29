package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// onLooking is `filerace watch` beside a program.
type onLooking struct {
	cmd  *exec.Cmd
	last chan string // what it said last, when it has ended
}

// watch begins to watch a process and all that comes of it.
func (l *lab) watch(pid int) (*onLooking, error) {
	w := &onLooking{cmd: l.command(l.ctx, l.dir, l.filerace, "watch", "--tree", strconv.Itoa(pid)), last: make(chan string, 1)}
	said, err := w.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(said)
	if !lines.Scan() || !strings.Contains(lines.Text(), "watching") {
		return nil, errors.Join(errors.New(lines.Text()), w.cmd.Cancel(), w.cmd.Wait())
	}
	go func() {
		var last string
		for lines.Scan() {
			last = lines.Text()
		}
		io.Copy(io.Discard, said)
		w.last <- last
	}()
	return w, nil
}

// processors is the processor time that the watch has taken so far.
func (w *onLooking) processors() time.Duration {
	const scheduler = 2 // CPUCLOCK_SCHED: user and system time (include/linux/posix-timers_types.h)
	var ts unix.Timespec
	if unix.ClockGettime(int32(^w.cmd.Process.Pid<<3|scheduler), &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// sighted is what a watch said that it saw.
type sighted struct {
	seen, lost int           // events
	took       time.Duration // of processors
}

// ended ends the watch, which has judged what it saw then. The error is also that of the
// program beside it.
func (w *onLooking) ended(beside error) (t sighted, err error) {
	w.cmd.Process.Signal(syscall.SIGINT)
	last := <-w.last
	if err := w.cmd.Wait(); err != nil {
		return t, errors.Join(beside, fmt.Errorf("filerace watch: %w: %s", err, last))
	}
	t, err = parseSighted(last)
	t.took = w.cmd.ProcessState.UserTime() + w.cmd.ProcessState.SystemTime()
	return t, errors.Join(beside, err)
}

var summary = regexp.MustCompile(`, ([0-9 ]+) events .*, ([0-9 ]+) lost`)

// parseSighted reads the last line of a watch.
func parseSighted(line string) (t sighted, err error) {
	m := summary.FindStringSubmatch(line)
	if m == nil {
		return t, fmt.Errorf("filerace watch ended with the line %q", line)
	}
	for i, to := range []*int{&t.seen, &t.lost} {
		if *to, err = strconv.Atoi(strings.ReplaceAll(m[i+1], " ", "")); err != nil {
			return t, err
		}
	}
	return t, nil
}
