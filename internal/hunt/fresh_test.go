package hunt

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCopyTree(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	long := time.Unix(1e9, 5e8)
	for _, err := range []error{
		os.MkdirAll(filepath.Join(from, "sub", "empty"), 0o755),
		os.WriteFile(filepath.Join(from, "sub", "file"), []byte("text"), 0o640),
		os.Symlink("no/such/file", filepath.Join(from, "link")),
		makeFIFO(filepath.Join(from, "pipe"), 0o600),
		os.Chtimes(filepath.Join(from, "sub", "file"), long, long),
		os.Chtimes(filepath.Join(from, "sub"), long, long),
		os.Chmod(filepath.Join(from, "sub"), 0o555),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		os.Chmod(filepath.Join(from, "sub"), 0o755)
		os.Chmod(filepath.Join(to, "sub"), 0o755)
	})
	if err := copyTree(from, to); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]fs.FileMode{
		"sub": fs.ModeDir | 0o555, "sub/empty": fs.ModeDir | 0o755, "sub/file": 0o640, "pipe": fs.ModeNamedPipe | 0o600,
	} {
		info, err := os.Lstat(filepath.Join(to, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode() != mode {
			t.Errorf("%s: mode %v, want %v", name, info.Mode(), mode)
		} else if (name == "sub" || name == "sub/file") && !info.ModTime().Equal(long) {
			t.Errorf("%s: changed at %v, want %v", name, info.ModTime(), long)
		}
	}
	if target, err := os.Readlink(filepath.Join(to, "link")); target != "no/such/file" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	if text, err := os.ReadFile(filepath.Join(to, "sub", "file")); string(text) != "text" {
		t.Errorf("the file holds %q, %v", text, err)
	}
}

func TestCopyTreeOfNoDirectory(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{file, filepath.Join(dir, "nowhere")} {
		if copyTree(from, filepath.Join(dir, "to")) == nil {
			t.Errorf("%s was copied", from)
		}
	}
}

func TestClearRemovesWhatAProgramLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	inner := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{inner, filepath.Dir(inner)} {
		if err := os.Chmod(d, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := (&bench{}).clear(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}
