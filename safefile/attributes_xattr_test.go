//go:build linux || darwin || freebsd || netbsd

package safefile

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWriteFileKeepsExtendedAttributes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(name, []byte("old"), 0o600))
	for key, value := range map[string]string{"user.colour": "red", "user.nothing": ""} {
		if err := unix.Setxattr(name, key, []byte(value), 0); err != nil {
			t.Skip("no extended attributes here:", err)
		}
	}
	ok(t, WriteFile(name, []byte("new")))
	content(t, name, "new")
	buf := make([]byte, 10)
	if n, err := unix.Getxattr(name, "user.colour", buf); err != nil || string(buf[:n]) != "red" {
		t.Errorf("user.colour: %q, %v", buf[:max(n, 0)], err)
	}
	if n, err := unix.Getxattr(name, "user.nothing", buf); err != nil || n != 0 {
		t.Errorf("user.nothing: %q, %v", buf[:max(n, 0)], err)
	}
}
