package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filerace/internal/trace/saved"
)

// recorded is a recording that is explained again and again, and what that gave.
type recorded struct {
	name      string
	dir       string
	ops       int64
	size      int64  // bytes on the disk
	fast      series // M ops a second
	fastACore series // and with one processor
	peak      series // MiB
}

// recordings measures what a recorded run costs on the disk, and how fast it is
// explained.
func (l *lab) recordings() section {
	const rounds = 5
	out := section{title: "Recorded runs (goals: 24 bytes an operation, 2 M operations a second per core, memory by what is live)",
		head: []string{"recording", "ops", "bytes/op", "M ops/s", "on one core", "peak MiB"}}
	lengths := l.serviceLengths()
	var list []*recorded
	var each []func(int) error
	if list, out.broken = l.record(&out); out.broken == nil {
		for _, r := range list {
			each = append(each, func(round int) error { return l.explainRecording(r, round) })
		}
		l.byTurns(&out, rounds, each)
	}
	if out.broken != nil {
		return out
	}
	for _, r := range list {
		out.row(r.name, fmt.Sprint(r.ops), fmt.Sprintf("%.1f", float64(r.size)/float64(r.ops)), r.fast.String(), r.fastACore.String(), r.peak.String())
	}
	services := list[len(list)-2*len(lengths):]
	ratio := func(kind int) float64 { // of a kind of service, the longest to the shortest
		return services[(kind+1)*len(lengths)-1].peak.median() / services[kind*len(lengths)].peak.median()
	}
	out.note("`filerace explain` of each, %d times by turns, from its start to its end, by the clock: with decoding and judging side by side, "+
		"and on one core (GOMAXPROCS=1). Operations on files that nobody can have raced for are left out before they are judged: nearly all of the build's; all of the storm's, which is one process; most of what is done where much goes on at once; all of the correct service's, as they are done under one lock; and none of the careless one's, which is the worst that there is. "+
		"The build has nothing in its cache; it, the storm, and much at once are recorded by `filerace run --with bpf`. "+
		"Much at once: go build ./internal/op with nothing in the cache, git commit, four processes that insert into two SQLite databases (if there is a sqlite3), and two that copy, replace and edit files under flock(1). "+
		"The services are made up: eight processes at a file and a log with locks, appends and replacements, with the same files live however long they run; the careless look at both files before they have the lock. "+
		"The longer run takes %.2f of the memory of the shorter, and %.2f where they are careless.", rounds, ratio(0), ratio(1))
	return out
}

// serviceLengths are how many operations of each kind of service are recorded.
func (l *lab) serviceLengths() []int {
	if l.quick {
		return []int{50_000, 500_000}
	}
	return []int{1_000_000, 10_000_000}
}

// record makes the recordings. The last are of services, a shorter and a longer run of each kind.
func (l *lab) record(out *section) (list []*recorded, err error) {
	if r, err := l.recordBuild(); err != nil {
		out.note("a build was not recorded: %v", err)
	} else {
		list = append(list, r)
	}
	if r, err := l.recordStorm(); err != nil {
		out.note("a storm was not recorded: %v", err)
	} else {
		list = append(list, r)
	}
	if r, err := l.recordBusy(); err != nil {
		out.note("much at once was not recorded: %v", err)
	} else {
		list = append(list, r)
	}
	for _, s := range []service{{}, {careless: true}} {
		for _, n := range l.serviceLengths() {
			l.progress(fmt.Sprintf("recording %d operations", n))
			r := &recorded{name: "correct service"}
			if s.careless {
				r.name = "careless service"
			}
			r.dir = filepath.Join(l.dir, fmt.Sprintf("%s-%d%s", strings.Fields(r.name)[0], n, saved.Suffix))
			if err := s.record(r.dir, n); err != nil {
				return nil, err
			}
			list = append(list, r)
		}
	}
	for _, r := range list {
		opened, err := saved.Open(r.dir)
		if err != nil {
			return nil, err
		}
		meta := opened.Meta()
		opened.Close()
		if r.ops = meta.Ops; meta.Notes.Lost+uint64(meta.Dropped) > 0 {
			out.note("%s: %d events were lost, and %d rows not written", r.name, meta.Notes.Lost, meta.Dropped)
		}
		if r.size, err = bytesBelow(r.dir); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// recordBuild records a build with nothing in its cache.
func (l *lab) recordBuild() (*recorded, error) {
	what := l.builtPackage()
	r := &recorded{name: "go build " + what, dir: filepath.Join(l.dir, "build"+saved.Suffix)}
	l.progress("recording " + r.name)
	cache := l.sub("cache")
	defer os.RemoveAll(cache)
	cmd := l.command(l.ctx, "", l.filerace, "run", "--with", "bpf", "--record", r.dir, "-o", os.DevNull, "--", "go", "build", "-o", os.DevNull, what)
	cmd.Env = append(os.Environ(), "GOCACHE="+cache)
	if text, err := cmd.CombinedOutput(); err != nil && exitStatus(err) != exitFound {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(string(text)))
	}
	return r, nil
}

// recordStorm records one process that opens, locks, writes and removes a file again and again.
func (l *lab) recordStorm() (*recorded, error) {
	storm := newStorm(l, 1_000_000)
	if l.quick {
		storm.calls = 50_000
	}
	if err := storm.compile(); err != nil {
		return nil, err
	}
	r := &recorded{name: "storm", dir: filepath.Join(l.dir, "storm"+saved.Suffix)}
	l.progress("recording a storm")
	_, err := storm.under(storm.calls, l.filerace, "run", "--with", "bpf", "--record", r.dir, "-o", os.DevNull, "--")
	return r, err
}

// exitFound is the command's status when it found a race.
const exitFound = 66

// explainRecording lets the command explain a recording with all processors and with one.
// Nothing needs to be warmed up: the recordings were written just before.
func (l *lab) explainRecording(r *recorded, round int) error {
	if round < 0 {
		return nil
	}
	l.progress("explaining " + r.name)
	took, most, err := l.timedExplain(r)
	if err != nil {
		return err
	}
	r.fast = append(r.fast, float64(r.ops)/took.Seconds()/1e6)
	r.peak = append(r.peak, float64(most)/(1<<20))
	if took, _, err = l.timedExplain(r, "GOMAXPROCS=1"); err != nil {
		return err
	}
	r.fastACore = append(r.fastACore, float64(r.ops)/took.Seconds()/1e6)
	return nil
}

// timedExplain lets the command explain a recording once, and returns how long it took and the most
// memory that it had, in bytes.
func (l *lab) timedExplain(r *recorded, env ...string) (took time.Duration, most int64, err error) {
	cmd := l.command(l.ctx, "", l.filerace, "explain", "-o", os.DevNull, r.dir)
	cmd.Env = append(os.Environ(), env...)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	ended := make(chan struct{})
	peak := peak(cmd.Process.Pid, ended)
	err = cmd.Wait()
	took = time.Since(begun)
	close(ended)
	if err != nil && exitStatus(err) != exitFound {
		return 0, 0, fmt.Errorf("explain %s: %w: %s", r.name, err, text.String())
	}
	return took, <-peak, nil
}

// peakEvery is how often a process is asked for the most memory that it has had.
const peakEvery = 2 * time.Millisecond

// peak tells the most memory that a process had until it ended, in bytes: VmHWM of
// proc(5). What wait4(2) says instead counts the most that this process ever had,
// too, in whose memory the other one began (vfork(2); exec_mmap, fs/exec.c).
func peak(pid int, ended <-chan struct{}) <-chan int64 {
	told := make(chan int64, 1)
	go func() {
		var most int64
		every := time.NewTicker(peakEvery)
		defer every.Stop()
		for {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if _, after, ok := strings.Cut(string(text), "VmHWM:"); ok {
				var kib int64
				fmt.Sscan(after, &kib)
				most = max(most, kib<<10)
			}
			select {
			case <-ended:
				told <- most
				return
			case <-every.C:
			}
		}
	}()
	return told
}

func bytesBelow(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
