package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"filerace/internal/op"
)

func TestEveryCallThatMattersHasAPlan(t *testing.T) {
	for _, a := range []op.Arch{op.AMD64, op.ARM64} {
		all := plans(a, nil)
		for i := range op.Calls {
			c := &op.Calls[i]
			nr := a.Number(c)
			if nr < 0 || !c.Trace || c.Kind == op.Random || c.Kind == op.Sleep || c.Kind == op.Timer || c.Kind == op.Exit {
				continue
			}
			p := all[nr]
			if p.Wanted == 0 {
				t.Errorf("%v: %s has no plan", a, c.Name)
				continue
			}
			for j, arg := range c.Args {
				at := uint8(j)
				switch {
				case arg == op.ArgPath && p.Text[0] != at, arg == op.ArgPath2 && p.Text[1] != at, arg == op.ArgFD && p.FD != at, arg == op.ArgFD2 && p.FD2 != at:
					t.Errorf("%v: %s: argument %d is not planned: %+v", a, c.Name, j, p)
				}
				if fixedSize(arg) > 0 && p.Fixed[0] != at && p.Fixed[1] != at {
					t.Errorf("%v: %s: what argument %d points to is not kept", a, c.Name, j)
				}
			}
		}
	}
}

// What the kernel filters by must not be narrower than the table: a call that a row
// describes passes.
func TestTheKernelsTestsPassWhatTheTableDescribes(t *testing.T) {
	all := plans(op.AMD64, nil)
	for nr := range all {
		for cmd := range uint64(1100) {
			args := [6]uint64{3, cmd, cmd, cmd, cmd, cmd}
			c := op.Find(op.AMD64, uint64(nr), &args)
			if c == nil || !c.Trace || all[nr].Wanted == 0 {
				continue
			}
			if !passes(&all[nr], &args) {
				t.Fatalf("%s(%#x…) does not pass %+v", c.Name, cmd, all[nr].Test)
			}
		}
	}
	fcntl := &all[op.Named("fcntl").AMD64]
	if passes(fcntl, &[6]uint64{3, op.F_GETFD}) {
		t.Error("fcntl(F_GETFD) passes, which no row describes")
	}
	if mmap := &all[op.Named("mmap").AMD64]; passes(mmap, &[6]uint64{0, 4096, 3, op.MAP_PRIVATE | op.MAP_ANONYMOUS}) {
		t.Error("an anonymous mapping passes")
	}
}

// passes does what matches in state.bpf.h does.
func passes(p *plan, args *[6]uint64) bool {
	for _, t := range p.Test[:p.Tests] {
		hit := false
		for _, v := range t.Values[:t.Count] {
			hit = hit || args[t.Arg]&t.Mask == uint64(v)
		}
		if !hit {
			return false
		}
	}
	return true
}

// The plan's size is that of struct plan, or the kernel would read the next one.
func TestThePlansFitTheObject(t *testing.T) {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, plans(op.AMD64, nil)); err != nil {
		t.Fatal(err)
	}
	const size = 32 + planTests*(16+4*planValues)
	if b.Len() != planCalls*size {
		t.Errorf("%d bytes, want %d", b.Len(), planCalls*size)
	}
}

func TestOptionsThatTheKernelCannotDoAreRefused(t *testing.T) {
	for _, c := range []struct {
		opt  Options
		want string
	}{
		{Options{Names: []string{"sixteen-bytes-lg"}}, "15 bytes"},
		{Options{Names: []string{""}}, "15 bytes"},
		{Options{Names: strings.Split("a b c d e f g h i", " ")}, "8 at most"},
		{Options{Calls: []string{"opne"}}, "no such call"},
		{Options{RingSize: 5000}, "power of two"},
		{Options{Prefix: []string{"srv"}}, "begin with /"},
		{Options{Prefix: []string{"/" + strings.Repeat("x", 128)}}, "the limit is 128"},
		{Options{Prefix: strings.Split("/a /b /c /d /e", " ")}, "4 at most"},
	} {
		if err := c.opt.check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want one that says %q", c.opt, err, c.want)
		}
	}
	if err := (&Options{Names: []string{"fifteen-bytes-l"}, Calls: []string{"openat", "flock"}}).check(); err != nil {
		t.Error(err)
	}
}

func TestAnOldKernelIsToldWithTheLeastVersion(t *testing.T) {
	for release, old := range map[string]bool{
		"5.14.21-generic": true, "4.19.0": true, "5.15.0-rc1": false, "5.15": false, "6.1.0-13-amd64": false, "10.0": false, "odd": false,
	} {
		err := checkVersion(release)
		if (err != nil) != old {
			t.Errorf("%s: %v", release, err)
		}
		var u *Unavailable
		if old && (!errors.As(err, &u) || u.Least != "5.15" || u.Hint == "" || !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), release)) {
			t.Errorf("%s: %v", release, err)
		}
	}
}
