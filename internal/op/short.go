package op

import "strconv"

// Short writes the operation for a column of the timeline, in words that need no
// manual: "open → fd 9, creates", "flock EX, waits", "stat → no such file".
// Names are given only where the operation is about the name; they pass through
// name first. Before its return the operation has no arrow.
func Short(o *Op, name func(path string) string) string {
	s := o.shortVerb(name)
	switch {
	case o.Waits:
		return s + ", waits"
	case o.Inside && !o.Done:
		return s + ", finds it"
	case !o.Done:
		return s
	case o.Failed():
		return s + " → " + o.errorWords()
	}
	return s + o.shortResult()
}

// shortVerb says what is asked for.
func (o *Op) shortVerb(name func(string) string) string {
	named := func(verb string, path string) string { return verb + " " + quoted(name(path)) }
	switch o.Kind {
	case Close:
		return "close " + strconv.Itoa(o.FD)
	case CloseRange:
		return "close " + strconv.Itoa(o.FD) + " to " + strconv.Itoa(o.FD2)
	case Dup:
		return "dup " + strconv.Itoa(o.FD)
	case LockOp:
		return o.Lock.Family.String() + " " + o.Lock.String()
	case GetLock:
		return "ask for " + o.Lock.Family.String() + " " + o.Lock.String()
	case Truncate:
		return "truncate to " + size(o.Len)
	case Allocate:
		return "allocate " + size(o.Len)
	case Seek:
		return "seek"
	case Read, Write, Send, Recv, Copy:
		if !o.Done || o.Failed() {
			return o.Kind.String()
		}
		return o.Kind.String() + " " + size(o.Ret)
	case Unlink, Rmdir, Mkdir, Mknod, Exec, Chdir, SymlinkOp, Rename, Link:
		s := named(o.Kind.String(), Subject(o))
		switch o.Kind {
		case SymlinkOp:
			s += " → " + quoted(name(o.Path2))
		case Rename, Link:
			to := o.Path2
			if len(o.Names) > 1 {
				to = o.Names[1].Path
			}
			s += o.arrow() + quoted(name(to))
		}
		return s
	case Exit:
		return "exit " + strconv.Itoa(int(o.Status))
	case Kill:
		return "kill " + SignalName(o.Signal) + spaced(string(o.Child))
	case Signal:
		return "gets " + SignalName(o.Signal)
	case Sleep:
		return "sleep " + duration(o.Len)
	case Fork:
		return o.verb()
	}
	return o.Kind.String()
}

// arrow stands between the two names of rename and link; an exchange points both ways.
func (o *Op) arrow() string {
	if o.Kind == Rename && o.Flags&RENAME_EXCHANGE != 0 {
		return " ↔ "
	}
	return " → "
}

// shortResult says what came of a call that succeeded.
func (o *Op) shortResult() string {
	switch o.Kind {
	case Open:
		s := " → fd " + strconv.Itoa(o.NewFD)
		switch {
		case o.Flags&O_CREAT != 0 && len(o.Names) > 0 && o.Names[0].Before.IsZero():
			s += ", creates"
		case o.Flags&O_TRUNC != 0:
			s += ", empties"
		}
		return s
	case Dup:
		return " → fd " + strconv.Itoa(o.NewFD)
	case PipeOp, SocketOp:
		switch {
		case o.NewFD2 >= 0:
			return " → fds " + strconv.Itoa(o.NewFD) + ", " + strconv.Itoa(o.NewFD2)
		case o.NewFD >= 0:
			return " → fd " + strconv.Itoa(o.NewFD)
		}
	case LockOp:
		if o.Lock.Mode != Unlock {
			return ", holds"
		}
	case Read:
		if o.Ret == 0 && o.Len > 0 {
			return ", at the end"
		}
	case Seek:
		return " to " + strconv.FormatInt(o.Ret, 10)
	case Fork:
		return arrowTo(string(o.Child))
	case Wait:
		if o.Child != "" && o.Status != None {
			return arrowTo(string(o.Child)) + " exit " + strconv.Itoa(int(o.Status))
		}
		return arrowTo(string(o.Child))
	}
	return ""
}

func size(n int64) string { return strconv.FormatInt(n, 10) + " B" }

func arrowTo(s string) string {
	if s == "" {
		return ""
	}
	return " → " + s
}

func spaced(s string) string {
	if s == "" {
		return ""
	}
	return " " + s
}
