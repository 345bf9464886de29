//go:build unix

package saved

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// recorderVar in the environment makes the test binary a recorder: how long its
// segments stay open, and the directory.
const recorderVar = "FILERACE_TEST_RECORDER"

// recordUntilKilled records operations, and prints how many it has handed over and
// when: about 20,000 a second, as a real program would.
func recordUntilKilled(job string) int {
	open, dir, _ := strings.Cut(job, " ")
	every, err := time.ParseDuration(open)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	w, err := create(dir, Meta{}, every)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	ops := plainOps(1000)
	for n := 0; ; n++ {
		o := *ops[n%len(ops)]
		o.Seq = n + 1
		if err := w.Op(&o); err != nil {
			fmt.Println(err)
			return 1
		}
		if n%20 == 0 {
			fmt.Println(n+1, time.Now().UnixNano())
			time.Sleep(time.Millisecond)
		}
	}
}

// recorder is such a process.
type recorder struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
	dir   string
	count []int   // handed over
	at    []int64 // when, ns since the epoch
}

func startRecorder(t *testing.T, every time.Duration) *recorder {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{t: t, cmd: exec.Command(exe), dir: filepath.Join(t.TempDir(), "k.filerace")}
	r.cmd.Env = append(os.Environ(), recorderVar+"="+every.String()+" "+r.dir)
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.lines = bufio.NewScanner(out)
	return r
}

// listen reads one line of the recorder; false if it is dead.
func (r *recorder) listen() bool {
	var n int
	var ns int64
	if !r.lines.Scan() {
		return false
	}
	if _, err := fmt.Sscan(r.lines.Text(), &n, &ns); err != nil {
		return false // the half line of a killed process
	}
	r.count, r.at = append(r.count, n), append(r.at, ns)
	return true
}

// kill kills it and returns the recording's operations, checked to be without gaps.
func (r *recorder) kill() int {
	r.t.Helper()
	r.cmd.Process.Kill()
	for r.listen() {
	}
	r.cmd.Wait()
	ops, rd := readAll(r.t, r.dir)
	for i, o := range ops {
		if o.Seq != i+1 {
			r.t.Fatalf("operation %d has number %d", i+1, o.Seq)
		}
	}
	if rd.Unfinished() == "" || rd.Notes().FirstBad == "" {
		r.t.Error("it does not say that the recording was not closed")
	}
	return len(ops)
}

// named counts the rows in segments that have their names.
func (r *recorder) named() int64 {
	rd, err := Open(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	return rows(rd)
}

// Killed at any moment of its work on segments, a recorder leaves all that had a
// name, and nothing half.
func TestKilledRecorderLeavesWholeSegments(t *testing.T) {
	rounds := 10
	if testing.Short() {
		rounds = 6
	}
	kept := 0
	for round := range rounds {
		r := startRecorder(t, 2*time.Millisecond)
		for line := 0; line <= 4*round && r.listen(); line++ {
		}
		for round%2 == 1 && r.named() == 0 && r.listen() {
		}
		before := r.named()
		got := r.kill()
		if int64(got) < before {
			t.Errorf("round %d: %d operations came back; %d were in segments with names", round, got, before)
		}
		kept += got
	}
	if kept == 0 {
		t.Error("no round kept anything: the test shows nothing")
	}
}

// What was handed over gets a name within a second, or as much later as a busy machine needs for it, and is there
// after the kill.
func TestKilledRecorderLosesTheOpenSecondAtMost(t *testing.T) {
	if segmentTime != time.Second {
		t.Errorf("segments are open for %v", segmentTime)
	}
	r := startRecorder(t, segmentTime)
	r.listen()
	for handed := 0; r.listen(); {
		if handed == 0 && r.named() > 0 {
			handed = r.count[len(r.count)-1] // into a segment that is open
		}
		if handed > 0 && r.named() >= int64(handed) {
			if got := r.kill(); got < handed {
				t.Errorf("%d operations came back; %d were in segments with names", got, handed)
			}
			return
		}
	}
	t.Error("the recorder ended")
}
