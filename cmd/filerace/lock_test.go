package main

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLockRemedy(t *testing.T) {
	for err, want := range map[error]string{
		unix.ENOLCK: "lock daemon",
		unix.ENOSPC: "make room",
		unix.EDQUOT: "make room",
		unix.EROFS:  "that you can write",
		unix.EISDIR: "regular file",
	} {
		told := fmt.Errorf("lock: %w", &fs.PathError{Op: "lock", Path: "x", Err: err})
		if got := lockRemedy(told); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
