package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Each adds to a count under a lock, to a log by appending, and to the count again: nothing
// is wrong with it. The lock file stays.
const careful = `
add() { (flock 9; read n <count; echo $((n+1)) >count) 9>lock; }
add
i=0
while [ $i -lt %d ]; do echo x >>log; i=$((i+1)); done
add
`

// A watcher that stands still while eight processes hammer loses what the ring cannot
// hold: it counts that, and concludes nothing from it.
func TestWatchThatStoodStill(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a hundred thousand calls")
	}
	needProbe(t)
	const processes, rounds = 8, 1500
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "count"), []byte("0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, said gathered
	cmd := exec.Command("filerace", "watch", "--ring", "4", "--tree", strconv.Itoa(os.Getpid()))
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the watch", func() bool { return strings.Contains(said.String(), "Ctrl-C ends it") })
	hammer := func(rounds int) {
		var all sync.WaitGroup
		for range processes {
			all.Go(func() {
				c := exec.Command("sh", "-c", fmt.Sprintf(careful, rounds))
				c.Dir = dir
				if text, err := c.CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, text)
				}
			})
		}
		all.Wait()
	}
	hammer(1)
	cmd.Process.Signal(syscall.SIGSTOP)
	hammer(rounds)
	cmd.Process.Signal(syscall.SIGCONT)
	hammer(1)
	cmd.Process.Signal(os.Interrupt)
	if got := exitStatus(t, cmd); got != exitClean {
		t.Errorf("status %d, want %d\n%s%s", got, exitClean, said.String(), out.String())
	}
	count, err := os.ReadFile(filepath.Join(dir, "count"))
	if want := fmt.Sprintf("%d\n", 3*2*processes); err != nil || string(count) != want {
		t.Fatalf("the program itself is wrong: %q, want %q (%v)", count, want, err)
	}
	sum := regexp.MustCompile(`s, ([\d ]+) events .*, ([\d ]+) lost, 0 races`).FindStringSubmatch(said.String())
	if sum == nil {
		t.Fatalf("it says\n%s", said.String())
	}
	number := func(s string) int {
		n, _ := strconv.Atoi(strings.ReplaceAll(s, " ", ""))
		return n
	}
	seen, lost := number(sum[1]), number(sum[2])
	if least := processes * rounds * 3; lost == 0 || seen == 0 || seen+lost < least { // open, write, close
		t.Errorf("%d seen and %d lost, of %d or more", seen, lost, least)
	}
	if !strings.Contains(said.String(), "nothing is concluded across the gap") {
		t.Errorf("the loss is not told:\n%s", said.String())
	}
}
