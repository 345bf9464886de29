package race

import (
	"fmt"
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
			out = append(out, trace.Record{What: trace.Gap})
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
		o.Status = int(number(t, args[0]))
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
		case k == "reaped":
			o.Reaped = int(number(t, v))
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
	if got := rulesOf(with); got != "open-unlinked observed, unlinked-lock possible" {
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
