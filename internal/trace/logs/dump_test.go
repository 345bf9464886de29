package logs

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// dump writes every record of a source as a line, and the notes behind.
func dump(t testing.TB, src trace.Source) string {
	t.Helper()
	var b strings.Builder
	for {
		r, err := src.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(line(r))
		b.WriteByte('\n')
	}
	n := src.Notes()
	fmt.Fprintf(&b, "%s; command %q; %d broken", n.Kind, n.Command, n.Broken)
	if n.FirstBad != "" {
		fmt.Fprintf(&b, " (%s)", n.FirstBad)
	}
	if n.NoEntry {
		b.WriteString("; no entry times")
	}
	if n.Calls != "" {
		b.WriteString("; only " + n.Calls)
	}
	b.WriteByte('\n')
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	return b.String()
}

func line(r trace.Record) string {
	o := r.Op
	who := fmt.Sprintf("%d", o.PID)
	if o.TID != o.PID {
		who += fmt.Sprintf("/%d", o.TID)
	}
	head := fmt.Sprintf("%9d %9d %-7s %-8s", o.Enter, o.Exit, who, o.Prog)
	switch r.What {
	case trace.Born:
		return fmt.Sprintf("%s born of %d, flags %#x", head, r.Parent, o.Flags)
	case trace.There:
		return head + " there"
	case trace.Ended:
		return fmt.Sprintf("%s ended, status %d", head, o.Status)
	case trace.Entered:
		return head + " entered" + o.String()
	}
	s := head + o.String()
	if o.Kind == op.Signal {
		s += " " + op.SignalName(o.Signal)
	}
	if o.Kind == op.Wait && o.Done {
		s += fmt.Sprintf(" reaped %d status %d", o.Reaped, o.Status)
	}
	if f := o.File; f.Path != "" || f.Type != 0 {
		s += fmt.Sprintf(" file %q type %d links %d", f.Path, f.Type, f.Nlink)
	}
	for _, n := range o.Names {
		s += fmt.Sprintf(" name %q", n.Path)
	}
	return s
}
