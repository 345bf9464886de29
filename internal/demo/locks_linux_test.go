package demo

import (
	"os"
	"testing"
)

// Leases are only given on files of one's own, and not on every file system
// (overlayfs and NFS have their own ideas): t.TempDir is the caller's.
func TestLinuxLocks(t *testing.T) {
	for _, kind := range []string{"ofd", "lease"} {
		t.Run(kind, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for range 8 {
				status, out := runHere(t, "overlapping-write", "--with", kind)
				if status != 0 || !oneLetter(t, out) {
					t.Fatalf("ended with status %d: %s", status, out)
				}
			}
		})
	}
	if _, err := os.Stat(blockFile); err == nil {
		t.Error("a file was left in the package's directory")
	}
}
