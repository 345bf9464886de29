//go:build unix

package saved

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// TestMain turns the test binary into a recorder that is going to be killed, or to
// meet a full disk.
func TestMain(m *testing.M) {
	if job := os.Getenv(recorderVar); job != "" {
		os.Exit(recordUntilKilled(job))
	}
	if dir := os.Getenv(fullVar); dir != "" {
		os.Exit(recordUntilFull(dir))
	}
	os.Exit(m.Run())
}

// fullVar in the environment makes the test binary a recorder that may write no
// file of more than fileLimit bytes; its value is the directory.
const (
	fullVar   = "FILERACE_TEST_FULL"
	fileLimit = 100 << 10
)

// recordUntilFull records operations that fit, waits until their segment has its
// name, and then more than fit. It prints how many fitted, and the error.
func recordUntilFull(dir string) int {
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: fileLimit, Max: fileLimit}); err != nil {
		fmt.Println(err)
		return 1
	}
	w, err := create(dir, Meta{}, 20*time.Millisecond)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	ops := plainOps(100)
	for _, o := range ops {
		w.Op(o)
	}
	for { // the last of them may come with the next tick
		if r, err := Open(dir); err == nil && rows(r) == int64(len(ops)) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for w.failed() == nil {
		var name strings.Builder
		for range 25 {
			fmt.Fprintf(&name, "%016x", random.Uint64())
		}
		w.Op(&op.Op{Kind: op.Signal, Path: name.String()})
	}
	for range 3 {
		if w.Op(ops[0]) == nil {
			fmt.Println("a failed recording takes operations")
			return 1
		}
	}
	err = w.Close([]byte("{}\n"), nil)
	fmt.Println(len(ops), errors.Is(err, ErrWrite) && errors.Is(err, unix.EFBIG), err)
	return 0
}

func TestFullDisk(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "full.filerace")
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), fullVar+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var fitted int
	var right bool
	if _, err := fmt.Sscan(string(out), &fitted, &right); err != nil || !right || strings.Count(string(out), "\n") != 1 {
		t.Fatalf("the recorder says %q, %v", out, err)
	}
	ops, r := readAll(t, dir)
	if len(ops) < fitted {
		t.Errorf("%d operations came back; %d were written before", len(ops), fitted)
	}
	if m := r.Meta(); m.Closed || m.Dropped == 0 || !strings.Contains(r.Unfinished(), "could not be written") {
		t.Errorf("closed %v, dropped %d: %s", m.Closed, m.Dropped, r.Unfinished())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, opsDir, "*"+openSuffix)); left != nil {
		t.Errorf("left behind: %v", left)
	}
}
