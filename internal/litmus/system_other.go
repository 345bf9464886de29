//go:build unix && !linux

package litmus

import (
	"errors"
	"os"
	"runtime"
	"time"
)

// memoryFile is a file without a name.
func memoryFile() (*os.File, error) {
	f, err := os.CreateTemp("", "filerace-litmus")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// now is the time in ns on a clock that all processes share.
func now() int64 { return time.Now().UnixNano() }

func yield() { time.Sleep(0); runtime.Gosched() }

// errNoState: what another process's thread does is told by Linux's /proc only.
var errNoState = errors.New("whether a thread sleeps is read from Linux's /proc")

func asleep(pid, tid int) (bool, error) { return false, errNoState }

func threadID() int { return os.Getpid() }

func pin(int) {}

func sleepExactly() {}
