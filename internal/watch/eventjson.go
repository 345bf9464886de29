package watch

import (
	"encoding/json"
	"time"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// jsonEvent is one call. Field names are stable; those that a step of a finding has
// too mean the same there. Bytes of names that are not UTF-8 are written as U+FFFD.
type jsonEvent struct {
	Type     string   `json:"type"` // "call", or "entry" at its entry
	Actor    op.Actor `json:"actor"`
	PID      int      `json:"pid"`
	TID      int      `json:"tid"`
	UID      uint32   `json:"uid"`
	Cgroup   uint64   `json:"cgroup"`
	Program  string   `json:"program"`
	Op       string   `json:"op"`
	Args     string   `json:"args"`
	Flags    string   `json:"flags"`
	Result   *int64   `json:"result"` // -errno on failure; null at entry
	Errno    string   `json:"errno"`  // its name, "" on success
	Wall     string   `json:"wall"`   // of the return, or of the entry; RFC 3339
	Enter    *int64   `json:"enter_ns"`
	Exit     *int64   `json:"exit_ns"`
	Duration *int64   `json:"duration_ns"`
	FD       *int     `json:"fd"`
	Path     string   `json:"path"`
	Path2    string   `json:"path2"`
	Dev      uint64   `json:"dev"`
	Ino      uint64   `json:"ino"`
	Nlink    *uint32  `json:"nlink"`
}

// eventJSON writes one call as one object on one line.
func eventJSON(r *trace.Record, start time.Time) ([]byte, error) {
	o := r.Op
	id, links := fileOf(o)
	e := jsonEvent{
		Type: "call", Actor: o.Actor, PID: o.PID, TID: o.TID, UID: r.UID, Cgroup: r.Cgroup, Program: o.Prog,
		Op: callName(o), Args: o.ArgString(), Path: pathOf(o, 0), Path2: pathOf(o, 1), Dev: id.Dev, Ino: id.Ino,
	}
	if e.Path == "" {
		e.Path = o.File.Path
	}
	if f := flagWords(o); f != "-" {
		e.Flags = f
	}
	if o.FD != op.None {
		e.FD = &o.FD
	}
	at := o.Exit
	if o.Enter != op.None {
		e.Enter = &o.Enter
	}
	if r.What == trace.Entered {
		e.Type, at = "entry", o.Enter
	} else {
		e.Result, e.Exit = &o.Ret, &o.Exit
		if o.Failed() {
			e.Errno = op.ErrnoName(o.Errno())
		}
		if e.Enter != nil {
			took := o.Exit - o.Enter
			e.Duration = &took
		}
		if id.Ino != 0 {
			e.Nlink = &links
		}
	}
	if !start.IsZero() {
		e.Wall = start.Add(time.Duration(at)).Format(time.RFC3339Nano)
	}
	return oneLine(e)
}

// oneLine writes an object without breaks and ends the line.
func oneLine(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(b, '\n'), err
}
