package race

import (
	"fmt"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

// roomIn returns what a script leaves room for, and where.
func roomIn(t *testing.T, script string, happened ...Finding) string {
	t.Helper()
	r := NewRoom()
	worldtest.Run(t, script, func(_ *world.World, e *world.Effect) { r.See(e) })
	return namesOf(r.Besides(happened))
}

func namesOf(found []Finding) string {
	var all []string
	for _, f := range found {
		all = append(all, f.Key())
		if f.Evidence != Possible || len(f.Marks) != 3 || len(f.Actors) != 2 || f.Repair == "" {
			all = append(all, fmt.Sprintf("incomplete: %+v", f))
		}
	}
	return strings.Join(all, ", ")
}

// twoCounts is two processes that count, one after the other, which nothing orders.
const twoCounts = `
	have n "1\n"
	1    fork 1.1
	1    fork 1.2
	1.1  open n rdonly = 3
	1.1  read 3
	1.1  close 3
	1.1  open n wronly,trunc = 3
	1.1  write 3 "2\n"
	1.1  close 3
	1.2  open n rdonly = 3
	1.2  read 3
	1.2  close 3
	1.2  open n wronly,trunc = 3
	1.2  write 3 "3\n"
	1.2  close 3
`

func TestRoom(t *testing.T) {
	const made = `
		1    fork 1.1
		1    fork 1.2
		1.1  stat new
		1.1  open new rdwr,creat = 3
	`
	for name, c := range map[string][2]string{
		"two counts": {twoCounts, "lost-update /w/n, partial-read /w/n"},
		"a lock that is removed": {`
			have lock ""
			1    fork 1.1
			1    fork 1.2
			1.1  open lock rdwr,creat = 3
			1.1  flock 3 EX
			1.1  unlink lock
			1.1  close 3
			1.2  open lock rdwr,creat = 3
			1.2  flock 3 EX
			1.2  close 3`, "unlinked-lock /w/lock"},
		"a check, and a creation": {`
			1    fork 1.1
			1    fork 1.2
			1.1  stat new
			1.1  open new wronly,creat = 3
			1.1  close 3
			1.2  open new wronly,creat = 3`, "check-then-create /w/new"},
		"a creation that is looked at again under a lock": {made + `
			1.1  lock 3 RD
			1.1  fstat 3
			1.1  lock 3 WR
			1.1  write 3 "1"
			1.2  open new rdwr,creat = 3`, ""},
		"one that is locked and left alone": {made + `
			1.1  flock 3 EX
			1.1  close 3
			1.2  open new rdwr,creat = 3`, ""},
		"one that is locked and written blindly": {made + `
			1.1  flock 3 EX
			1.1  write 3 "1"
			1.2  open new rdwr,creat = 3`, "check-then-create /w/new"},
		"one that is looked at, and not locked": {made + `
			1.1  fstat 3
			1.1  write 3 "1"
			1.2  open new rdwr,creat = 3`, "check-then-create /w/new"},
		"one of which another file is locked": {made + `
			1.1  open k rdwr,creat = 4
			1.1  flock 4 EX
			1.1  fstat 4
			1.1  write 3 "1"
			1.2  open new rdwr,creat = 3`, "check-then-create /w/new"},
		"one that empties the file": {`
			1    fork 1.1
			1    fork 1.2
			1.1  stat new
			1.1  open new rdwr,creat,trunc = 3
			1.1  flock 3 EX
			1.1  close 3
			1.2  open new rdwr,creat = 3`, "check-then-create /w/new"},
		"a position, and a record": {`
			have log "one\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open log wronly = 3
			1.1  seek 3 0 end
			1.1  write 3 "two\n"
			1.2  open log wronly,append = 3
			1.2  write 3 "three\n"`, "lost-append /w/log"},
		"a copy, and a truncation": {`
			have log "one\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open log rdwr = 3
			1.1  read 3
			1.1  ftruncate 3 0
			1.2  open log wronly,append = 3
			1.2  write 3 "two\n"`, "truncated-away /w/log"},
		"two edits": {`
			have conf "a\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open conf rdonly = 3
			1.1  read 3
			1.1  open .conf1 wronly,creat,excl = 4
			1.1  write 4 "b\n"
			1.1  rename .conf1 conf
			1.2  open conf rdonly = 3
			1.2  read 3
			1.2  open .conf2 wronly,creat,excl = 4
			1.2  write 4 "c\n"
			1.2  rename .conf2 conf`, "lost-update /w/conf"},
		"made by one, moved away by the other": {`
			1    fork 1.1
			1    fork 1.2
			1.1  stat new
			1.1  open new wronly,creat = 3
			1.1  close 3
			1.2  rename new old`, ""},
		"one process": {strings.ReplaceAll(twoCounts, "1.2  ", "1.1  "), ""},
		"each a file of its own": {`
			have a "1\n"
			have b "1\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open a rdwr = 3
			1.1  read 3
			1.1  pwrite 3 0 "2\n"
			1.2  open b rdwr = 3
			1.2  read 3
			1.2  pwrite 3 0 "2\n"`, ""},
	} {
		if got := roomIn(t, c[0]); got != c[1] {
			t.Errorf("%s: room for %q, want %q", name, got, c[1])
		}
	}
}

// A lock, or a wait, leaves no room.
func TestNoRoom(t *testing.T) {
	locked := strings.NewReplacer("  open n rdonly = 3", "  open l rdwr,creat = 9\n1.1  flock 9 EX\n1.1  open n rdonly = 3").Replace(twoCounts)
	locked = strings.Replace(locked, "\t1.1  close 3\n\t1.2", "\t1.1  close 3\n\t1.1  close 9\n\t1.2", 1)
	locked = strings.Replace(locked, "1.2  open l rdwr,creat = 9\n1.1  flock 9 EX\n1.1  open", "1.2  open l rdwr,creat = 9\n1.2  flock 9 EX\n1.2  open", 1)
	if got := roomIn(t, locked); got != "" {
		t.Errorf("under a lock: %q", got)
	}
	waited := strings.Replace(twoCounts, "\t1    fork 1.2\n", "", 1)
	waited = strings.Replace(waited, "\t1.2  open n rdonly", "\t1.1  exit 0\n\t1    wait 1.1\n\t1    fork 1.2\n\t1.2  open n rdonly", 1)
	if got := roomIn(t, waited); got != "" {
		t.Errorf("one waited for the other: %q", got)
	}
}

// What happened is not told again as what could have.
func TestRoomBesides(t *testing.T) {
	happened := Finding{Rule: "lost-update", Path: "/w/n", Evidence: Observed}
	if got := roomIn(t, twoCounts, happened); got != "partial-read /w/n" {
		t.Errorf("room for %q", got)
	}
}

// Two stretches with something lost between them are not set beside each other; each counts by itself.
func TestRoomAcrossGaps(t *testing.T) {
	var effects []world.Effect
	worldtest.Run(t, twoCounts, func(_ *world.World, e *world.Effect) { effects = append(effects, *e) })
	for lost, want := range map[int]string{len(effects) - 6: "", len(effects): "lost-update /w/n, partial-read /w/n"} {
		r := NewRoom()
		for i := range effects {
			if i == lost {
				r.Gap()
			}
			r.See(&effects[i])
		}
		if lost == len(effects) {
			r.Gap()
		}
		if got := namesOf(r.Besides(nil)); got != want {
			t.Errorf("a gap at %d of %d: room for %q, want %q", lost, len(effects), got, want)
		}
	}
}

func effectOf(o *op.Op) *world.Effect {
	e := new(world.Effect)
	e.Op = o
	return e
}

// However long the run is, a room holds no more than it looks at, and says so.
func TestRoomIsBounded(t *testing.T) {
	r := NewRoom()
	worldtest.Run(t, twoCounts, func(_ *world.World, e *world.Effect) { r.See(e) })
	if r.Short() {
		t.Error("short of room after two counts")
	}
	see := func(path string) {
		o := op.Op{Kind: op.Stat, Actor: "1.1", Names: []op.Name{{Path: path, Base: path}}}
		r.See(effectOf(&o))
	}
	for range 2 * roomMost {
		see("/same")
	}
	if n := len(r.paths["/same"].moments); r.Short() || n != roomPerProcess {
		t.Errorf("one process takes the room: %d of one path, short: %v", n, r.Short())
	}
	for n := range 2 * roomMost {
		see(fmt.Sprint("/", n))
	}
	if !r.Short() || len(r.paths) > roomMost {
		t.Errorf("short: %v, with %d paths", r.Short(), len(r.paths))
	}
	if got := namesOf(r.Besides(nil)); got != "lost-update /w/n, partial-read /w/n" {
		t.Errorf("room for %q", got)
	}
}

// What many write to and nobody reads back is no file to race for.
func TestNoRoomInDevices(t *testing.T) {
	r := NewRoom()
	for i, actor := range []op.Actor{"1.1", "1.2"} {
		o := op.Op{Seq: i + 1, Kind: op.Open, Actor: actor, Flags: op.O_TRUNC | op.O_WRONLY,
			File: op.File{Type: op.Device, Path: "/dev/null"}, Names: []op.Name{{Path: "/dev/null", Type: op.Device}}}
		r.See(effectOf(&o))
	}
	if len(r.paths) != 0 {
		t.Errorf("%d paths are kept", len(r.paths))
	}
}

// What opens, closes and disturbs leave out has no shape.
func TestShapesAreLookedFor(t *testing.T) {
	var all []moment
	for kind := range op.Kind(op.Kinds) {
		for _, ret := range []int64{0, -enoent} {
			for _, flags := range []uint64{0, op.O_CREAT, op.O_TRUNC | op.O_WRONLY, op.O_CREAT | op.O_EXCL} {
				if flags != 0 && kind != op.Open && kind != op.Rename {
					continue
				}
				for _, arrives := range []bool{false, true} {
					if arrives && kind != op.Rename {
						continue
					}
					o := &op.Op{Kind: kind, Ret: ret, Flags: flags, Whence: op.SEEK_END, Lock: op.Lock{Family: op.FlockLock, Mode: op.Exclusive}}
					all = append(all, moment{deed: deed{by: o}, arrives: arrives})
				}
			}
		}
	}
	seen := map[string]bool{}
	for i := range all {
		for j := range all {
			for k := range all {
				a1, b, a2 := &all[i], &all[j], &all[k]
				rule := shape(a1, b, a2)
				if rule == "" {
					continue
				}
				seen[rule] = true
				if !a1.opens() || !a2.closes() || !b.disturbs() && !a2.disturbs() {
					t.Fatalf("%s: %v, %v, %v", rule, a1.by, b.by, a2.by)
				}
				if !shapely[a1.by.Kind] || !shapely[b.by.Kind] || !shapely[a2.by.Kind] {
					t.Fatalf("%s goes by a kind that is not kept", rule)
				}
			}
		}
	}
	if len(seen) != 6 {
		t.Errorf("shapes of %d rules", len(seen))
	}
}

// What became of a creation must be known, one way or the other.
func TestRoomIsSilentWhereItSeesNoMore(t *testing.T) {
	for times, want := range map[int]string{roomPerProcess / 2: "check-then-create /w/new", 2 * roomPerProcess: ""} {
		script := `
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.1  stat new
			1.1  open new rdwr,creat = 3
			1.2  open new rdwr,creat = 3`
		for range times {
			script += "\n1.2 fstat 3\n1.3 stat new"
		}
		if got := roomIn(t, script+"\n1.1 write 3 \"1\""); got != want {
			t.Errorf("after %d looks of others, room for %q, want %q", 2*times, got, want)
		}
		empties := strings.Replace(script, "1.1  open new rdwr,creat", "1.1  open new rdwr,creat,trunc", 1)
		if got := roomIn(t, empties); got != "check-then-create /w/new" {
			t.Errorf("after %d looks of others, room for %q where the creation itself does harm", 2*times, got)
		}
	}
}
