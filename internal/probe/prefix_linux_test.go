//go:build linux && (amd64 || arm64)

package probe

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// Every call on what lies under the prefix is told, however the path is written, and
// none on what lies elsewhere.
func TestPathsThatBeginWithAPrefix(t *testing.T) {
	defer func() { neverCast = false }()
	for _, neverCast = range []bool{false, true} {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []string{"in/deep", "out"} {
			if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("in", filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-c", "read x; D="+dir+`
			: >$D/in/absolute; : >$D/out/absolute
			: >in/relative; : >out/relative
			: >out/../in/dots; : >link/linked; : >innocent
			exec 7>in/renamed; rm -f in/gone; rm -f out/gone
			cd out; : >elsewhere; : >../in/up; cd ../in; : >inside; : >deep/down
			mv renamed ../out/moved; echo hello >&7; echo no | cat >/dev/null`)
		cmd.Dir = dir
		cmd, release := waiting(t, cmd)
		p := watchHere(t, Options{Trees: []int{cmd.Process.Pid}, Prefix: []string{dir + "/in/"}})
		release()
		p.Stop()
		paths, writes := map[string]bool{}, 0
		for _, r := range rest(t, p) {
			if r.What != trace.Returned {
				continue
			}
			o := r.Op
			switch o.Kind {
			case op.Open, op.Unlink, op.Rename:
				paths[o.Path] = true
			case op.Write:
				writes++
			case op.PipeOp, op.Wait:
				t.Errorf("cast=%t: %v has nothing to do with the paths", !neverCast, o)
			}
		}
		for _, want := range []string{dir + "/in/absolute", "in/relative", "out/../in/dots", "link/linked", "in/renamed", "in/gone",
			"../in/up", "inside", "deep/down", "renamed"} {
			if !paths[want] {
				t.Errorf("cast=%t: %s was not told", !neverCast, want)
			}
		}
		for _, other := range []string{dir + "/out/absolute", "out/relative", "innocent", "out/gone", "elsewhere", "/dev/null"} {
			if paths[other] {
				t.Errorf("cast=%t: %s was told", !neverCast, other)
			}
		}
		if writes != 1 {
			t.Errorf("cast=%t: %d writes were told, want the one on the renamed file", !neverCast, writes)
		}
	}
}

// What is written through a descriptor counts by where its file lies.
func TestAFileThatIsOpenBefore(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	cmd := exec.Command("sh", "-c", "read x; echo one >&3; echo other >&4")
	cmd.ExtraFiles = []*os.File{f, other}
	cmd, release := waiting(t, cmd)
	p := watchHere(t, Options{PIDs: []int{cmd.Process.Pid}, Prefix: []string{"/nowhere", dir + "/lo"}, NoStart: true})
	release()
	p.Stop()
	all := rest(t, p)
	if o := one(t, all, "write", func(o *op.Op) bool { return o.Kind == op.Write }); string(o.Data) != "one\n" {
		t.Errorf("got %v, want the write of \"one\"", o)
	}
}

func TestSymbolicLinksInAPrefix(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for given, real := range map[string]string{"/link/a-": "/real/a-", "/link/": "/real/", "/link/none/a": "/real/none/a"} {
		opt := Options{Prefix: []string{dir + given}}
		if got := opt.prefixes(); !slices.Equal(got, []string{dir + given, dir + real}) {
			t.Errorf("%s: %v, want %s, too", given, got, real)
		}
	}
	long := Options{Prefix: []string{"/" + strings.Repeat("x", PrefixMax-1)}}
	if got := long.prefixes(); len(got) != 1 || long.check() != nil {
		t.Errorf("%d bytes: %v, %v", PrefixMax, got, long.check())
	}
}
