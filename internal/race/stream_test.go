package race

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// recorded turns lines into records: "ENTER EXIT PID CALL ARGS… = RET"; ENTER "-" is
// not known. Arguments are KEY=VALUE or bare words as the call wants them.
func recorded(t testing.TB, script string) []trace.Record {
	var out []trace.Record
	for line := range strings.Lines(script) {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		if w[0] == "gap" {
			gap := trace.Record{What: trace.Gap}
			if len(w) > 1 {
				gap.Lost = uint64(number(t, w[1]))
			}
			out = append(out, gap)
			continue
		}
		out = append(out, record(t, w))
	}
	return out
}

func number(t testing.TB, s string) int64 {
	if s == "-" {
		return op.None
	}
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func record(t testing.TB, w []string) trace.Record {
	pid := int(number(t, w[2]))
	o := &op.Op{Enter: number(t, w[0]), Exit: number(t, w[1]), PID: pid, TID: pid, Prog: "prog",
		FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None, Off: op.None, Off2: op.None, OldSize: op.None}
	call, args := w[3], w[4:]
	if call == "exited" {
		o.Status = int32(number(t, args[0]))
		return trace.Record{What: trace.Ended, Op: o}
	}
	ret := number(t, args[len(args)-1])
	args = args[:len(args)-2]
	c := op.Named(call)
	if c == nil {
		t.Fatalf("no call %q", call)
	}
	o.Call, o.Kind = c, c.Kind
	fill(t, o, args)
	op.Finish(o, ret, nil)
	if o.Kind == op.Write && ret > 0 {
		o.Data = []byte(strings.Repeat(o.Prog, int(ret)))[:ret]
		for i := range o.Data {
			o.Data[i] += byte(pid)
		}
		o.Sum = uint32(pid + 1)
	}
	return trace.Record{What: trace.Returned, Op: o}
}

func fill(t testing.TB, o *op.Op, args []string) {
	for _, a := range args {
		k, v, ok := strings.Cut(a, "=")
		switch {
		case !ok && o.Path == "":
			o.Path = a
		case !ok:
			o.Path2 = a
		case k == "fd":
			o.FD = int(number(t, v))
		case k == "flags":
			o.Flags = uint64(number(t, v))
		case k == "len":
			o.Len = number(t, v)
		case k == "whence":
			o.Whence = int(number(t, v))
		case k == "off":
			o.Off = number(t, v)
		case k == "data":
			o.Data = []byte(v)
		case k == "saw": // the files behind the names: 0 none, "+" before one that the open made
			for i, file := range strings.Split(v, ",") {
				n := op.Name{Base: path.Base([2]string{o.Path, o.Path2}[i]), Seen: true}
				id := op.FileID{Dev: 1, Ino: uint64(number(t, strings.TrimPrefix(file, "+")))}
				if id.Ino != 0 && file[0] != '+' {
					n.Before = id
				}
				if o.Kind == op.Open {
					n.After, o.File.ID, o.File.Type, o.File.Nlink = id, id, op.Regular, 1
				}
				o.Names = append(o.Names, n)
			}
		case k == "reaped":
			o.Reaped = int32(number(t, v))
		case k == "lock":
			mode := map[string]op.LockMode{"EX": op.Exclusive, "SH": op.Shared, "UN": op.Unlock}[v]
			o.Lock = op.Lock{Family: op.FlockLock, Mode: mode, End: op.MaxOffset}
		}
	}
	if o.Kind == op.Wait {
		o.Status = op.None
	}
}

// streamed runs a script through a Flow into a Stream.
func streamed(t testing.TB, script string) []Told {
	s := NewStream(nil)
	f := trace.NewFlow(s.World(), s.Take)
	for _, r := range recorded(t, script) {
		f.Put(r)
	}
	f.Close()
	return s.End(End{})
}

// rulesOf lists rule and evidence.
func rulesOf(told []Told) string {
	var out []string
	for _, f := range told {
		out = append(out, fmt.Sprintf("%s %s", f.Rule, f.Evidence))
	}
	return strings.Join(out, ", ")
}

// The lock race of macOS as an article printed it, first without entry times, then with
// that of the second open.
const unlinkViolation = `
%s 100 75938 open ./7.sample = 3
%s 100 75938 flock fd=3 lock=EX = 0
- 2577 75938 unlink ./7.sample = 0
- 2604 75938 close fd=3 = 0
%s 2638 75939 open ./7.sample = 3
%s 2638 75939 flock fd=3 lock=EX = 0
- 5056 75939 unlink ./7.sample = -2
- 5147 75939 close fd=3 = 0
`

func TestUnlinkViolation(t *testing.T) {
	with := streamed(t, fmt.Sprintf(unlinkViolation, "22", "22", "2521", "2521"))
	if got := rulesOf(with); got != "unlinked-lock observed, open-unlinked observed" {
		t.Errorf("with entry times: %s", got)
	}
	without := streamed(t, fmt.Sprintf(unlinkViolation, "-", "-", "-", "-"))
	if got := rulesOf(without); got != "unlinked-lock possible, open-unlinked possible" {
		t.Errorf("without entry times: %s", got)
	}
	for _, f := range without {
		t.Log(f.Headline, f.Why)
	}
}

// begun is a file of four bytes, and two children of the process that made it.
const begun = `
0 1 1 execve /bin/sh = 0
2 3 1 open /n flags=0x242 = 3
4 5 1 write fd=3 len=4 = 4
6 7 1 close fd=3 = 0
8 9 1 fork = 11
10 11 1 fork = 12
`

// Two rewrite what they read; the second did not see the first's change.
const lost = begun + `20 21 11 open /n flags=0 = 3
22 23 11 read fd=3 len=64 = 4
24 25 12 open /n flags=0 = 3
26 27 12 read fd=3 len=64 = 4
%s
30 31 11 open /n flags=0x241 = 4
32 33 11 write fd=4 len=4 = 4
34 35 11 close fd=4 = 0
%d %d 12 open /n flags=0x241 = 4
50 51 12 write fd=4 len=4 = 4
52 53 12 close fd=4 = 0
`

func TestOverlapIsDoubt(t *testing.T) {
	if got := rulesOf(streamed(t, fmt.Sprintf(lost, "", 40, 41))); got != "lost-update observed" {
		t.Errorf("one after the other: %s", got)
	}
	told := streamed(t, fmt.Sprintf(lost, "", 29, 46)) // may have cut the file off before the other wrote
	if got := rulesOf(told); got != "lost-update possible" {
		t.Fatalf("overlapping: %s", got)
	}
	if !strings.Contains(told[0].Why, "overlapped in time") {
		t.Errorf("the doubt is not told: %s", told[0].Why)
	}
}

func TestNothingIsConcludedAcrossGap(t *testing.T) {
	if got := rulesOf(streamed(t, fmt.Sprintf(lost, "gap", 40, 41))); got != "" {
		t.Errorf("across a gap: %s", got)
	}
}

// Whoever waits for a process may have done nothing since the gap but that.
func TestWaitingAcrossGap(t *testing.T) {
	const jobs = `
0 1 1 execve /bin/sh = 0
2 3 1 fork = 11
4 5 11 open /n flags=0x242 = 3
6 7 11 close fd=3 = 0
gap
10 11 11 open /n flags=0x401 = 3
12 13 11 write fd=3 len=4 = 4
14 15 11 close fd=3 = 0
16 16 11 exit_group = 0
%s
20 21 1 fork = 12
22 23 12 open /n flags=0x201 = 3
24 25 12 close fd=3 = 0
`
	if got := rulesOf(streamed(t, fmt.Sprintf(jobs, ""))); got != "truncated-away possible" {
		t.Fatalf("nobody waited: %s", got)
	}
	if got := rulesOf(streamed(t, fmt.Sprintf(jobs, "5 17 1 wait4 = 11"))); got != "" {
		t.Errorf("one after the other: %s", got)
	}
}

// Whatever was there before the trace may hold locks.
func TestProcessesFromBeforeAreDoubt(t *testing.T) {
	script := strings.NewReplacer("0 1 1 execve /bin/sh = 0\n", "", "8 9 1 fork = 11\n", "", "10 11 1 fork = 12\n", "").Replace(fmt.Sprintf(lost, "", 40, 41))
	if got := rulesOf(streamed(t, script)); got != "lost-update possible" {
		t.Errorf("processes that nobody announced: %s", got)
	}
}

func TestFindingsAreToldAsTheyHappen(t *testing.T) {
	var heard []string
	s := NewStream(func(f Told) { heard = append(heard, f.Rule) })
	f := trace.NewFlow(s.World(), s.Take)
	for _, r := range recorded(t, fmt.Sprintf(lost, "", 40, 41)) {
		f.Put(r)
	}
	f.Advance(trace.DefaultLag + 100)
	if len(heard) != 1 || heard[0] != "lost-update" {
		t.Errorf("heard before the end: %v", heard)
	}
	f.Close()
	if told := s.End(End{}); len(told) != 1 || told[0].Older != 0 || len(told[0].Ops) != s.Len() {
		t.Errorf("at the end: %d findings", len(told))
	}
}

// A daemon closes all descriptors that there could be. That is nothing to keep, and what came before is.
func TestClosingNothingTakesNoRoom(t *testing.T) {
	script, begin := fmt.Sprintf(lost, "%s", 40, 41), strings.Builder{}
	for i := range 2 * ringLen {
		fmt.Fprintf(&begin, "28 29 11 close fd=%d = -9\n", 100+i)
	}
	told := streamed(t, fmt.Sprintf(script, begin.String()))
	if got := rulesOf(told); got != "lost-update observed" {
		t.Fatal(got)
	}
	opens := 0
	for _, o := range told[0].Ops {
		if o.Kind == op.Open {
			opens++
		}
	}
	if opens != 5 {
		t.Errorf("%d opens are still kept, want all five", opens)
	}
}
