package logs

import (
	"bytes"
)

// form is what a line of strace tells.
type form uint8

const (
	formBad        form = iota
	formNote            // of strace about itself, or of a stack
	formCall            // name(arguments…
	formResumed         // <... name resumed>…
	formExited          // +++ exited with N +++
	formKilled          // +++ killed by SIGX +++
	formSuperseded      // +++ superseded by execve in pid N +++
	formSignal          // --- SIGX {…} ---
)

// timing is how a line tells its time.
type timing uint8

const (
	noTime    timing = iota
	epochTime        // -ttt: since 1970
	clockTime        // -t, -tt: time of day
	stepTime         // -r: since the line before
)

// straceLine is a line of strace cut into its columns.
type straceLine struct {
	form   form
	pid    int    // 0: the line has none
	comm   []byte // -Y
	timing timing
	time   int64  // ns
	name   []byte // of the call, or of the signal
	rest   []byte // what follows name and opening bracket, or "resumed>"
	number int    // exit status, process id
}

// parse cuts a line. Columns come in this order: pid, time (and with -r beside -ttt the
// step in brackets), call number (-n), instruction pointer (-i).
func (l *straceLine) parse(b []byte) {
	*l = straceLine{}
	if bytes.HasPrefix(b, []byte(" > ")) || len(bytes.TrimSpace(b)) == 0 {
		l.form = formNote
		return
	}
	b = l.columns(b)
	switch {
	case len(b) == 0:
	case b[0] == '<':
		l.resumed(b)
	case b[0] == '+':
		l.ending(b)
	case b[0] == '-':
		l.signal(b)
	case b[0] == '[' || bytes.HasPrefix(b, []byte("strace: ")) || bytes.HasPrefix(b, []byte("Process ")) ||
		bytes.HasPrefix(b, []byte(" > ")):
		l.form = formNote
	default:
		i := 0
		for i < len(b) && (b[i] >= 'a' && b[i] <= 'z' || b[i] >= '0' && b[i] <= '9' || b[i] == '_') {
			i++
		}
		if i > 0 && i < len(b) && b[i] == '(' {
			l.form, l.name, l.rest = formCall, b[:i], b[i+1:]
		}
	}
}

// columns takes what stands before the call itself.
func (l *straceLine) columns(b []byte) []byte {
	if rest, ok := bytes.CutPrefix(b, []byte("[pid ")); ok {
		b = l.pidColumn(bytes.TrimLeft(rest, " "))
		b = bytes.TrimPrefix(b, []byte("]"))
	} else if n, rest, ok := number(b); ok && n > 0 && n <= maxPID && len(rest) > 0 && (rest[0] == ' ' || rest[0] == '<') {
		b = l.pidColumn(b)
	}
	b = l.timeColumn(bytes.TrimLeft(b, " "))
	if rest, ok := bytes.CutPrefix(b, []byte("(+")); ok {
		if i := bytes.IndexByte(rest, ')'); i >= 0 {
			b = bytes.TrimLeft(rest[i+1:], " ")
		}
	}
	for len(b) > 0 && b[0] == '[' {
		i := bytes.IndexByte(b, ']')
		if i < 0 || len(bytes.Trim(b[1:i], "0123456789abcdef? ")) > 0 {
			return b
		}
		b = bytes.TrimLeft(b[i+1:], " ")
	}
	return b
}

// maxPID is the kernel's PID_MAX_LIMIT; greater numbers in that column are seconds.
const maxPID = 1 << 22

func (l *straceLine) pidColumn(b []byte) []byte {
	n, rest, ok := number(b)
	if !ok || n > maxPID {
		return b
	}
	l.pid = int(n)
	if len(rest) > 0 && rest[0] == '<' {
		if i := bytes.IndexByte(rest, '>'); i > 0 {
			l.comm, rest = rest[1:i], rest[i+1:]
		}
	}
	return rest
}

// timeColumn takes 12:34:56, 12:34:56.789012, 1690000000.123456 or 0.000123.
func (l *straceLine) timeColumn(b []byte) []byte {
	i := 0
	for i < len(b) && (b[i] >= '0' && b[i] <= '9' || b[i] == ':' || b[i] == '.') {
		i++
	}
	if i == 0 || i == len(b) || b[i] != ' ' {
		return b
	}
	column := b[:i]
	var ns int64
	for field := range bytes.SplitSeq(column, []byte(":")) {
		v, ok := seconds(field)
		if !ok {
			return b
		}
		ns = ns*60 + v
	}
	switch colons := bytes.Count(column, []byte(":")); {
	case colons == 2:
		l.timing = clockTime
	case colons > 0:
		return b
	case ns >= 1e17: // three years after 1970; no line waits so long for the one before
		l.timing = epochTime
	default:
		l.timing = stepTime
	}
	l.time = ns
	return bytes.TrimLeft(b[i:], " ")
}

// seconds reads a decimal number of seconds, in ns.
func seconds(s []byte) (int64, bool) {
	var v, unit int64 = 0, 0
	for _, c := range s {
		switch {
		case c == '.' && unit == 0:
			unit = 1e9
		case c >= '0' && c <= '9':
			if unit == 1 {
				continue // finer than ns
			}
			if unit > 0 {
				unit /= 10
			}
			if v > 1<<62/10 {
				return 0, false
			}
			v = v*10 + int64(c-'0')
		default:
			return 0, false
		}
	}
	if unit == 0 {
		unit = 1e9
	}
	if v > (1<<63-1)/unit {
		return 0, false
	}
	return v * unit, len(s) > 0
}

// resumed takes "<... name resumed>rest"; in older logs a space follows it.
func (l *straceLine) resumed(b []byte) {
	b, ok := bytes.CutPrefix(b, []byte("<... "))
	if !ok {
		return
	}
	name, rest, ok := bytes.Cut(b, []byte(" resumed>"))
	if !ok || !isName(name) {
		return
	}
	l.form, l.name, l.rest = formResumed, name, rest
}

// ending takes the lines between +++.
func (l *straceLine) ending(b []byte) {
	b, ok := bytes.CutPrefix(b, []byte("+++ "))
	if !ok {
		return
	}
	if rest, ok := bytes.CutPrefix(b, []byte("exited with ")); ok {
		n, _, ok := number(rest)
		l.number = int(n & 0xff)
		l.formIf(ok, formExited)
	} else if rest, ok := bytes.CutPrefix(b, []byte("killed by ")); ok {
		l.number = int(term(cutAt(rest, ' '), ""))
		l.formIf(l.number > 0, formKilled)
	} else if rest, ok := bytes.CutPrefix(b, []byte("superseded by execve in pid ")); ok {
		n, _, ok := number(rest)
		l.number = int(n & (maxPID - 1))
		l.formIf(ok && l.number > 0, formSuperseded)
	}
}

func (l *straceLine) formIf(ok bool, f form) {
	if ok {
		l.form = f
	}
}

// signal takes "--- SIGX {si_signo=…} ---", in older logs "--- SIGX (…) @ 0 (0) ---",
// and "--- stopped by SIGX ---", which is no delivery.
func (l *straceLine) signal(b []byte) {
	b, ok := bytes.CutPrefix(b, []byte("--- "))
	switch {
	case !ok:
	case bytes.HasPrefix(b, []byte("SIG")):
		l.form, l.name = formSignal, cutAt(b, ' ')
		l.number = int(term(l.name, ""))
	case bytes.HasPrefix(b, []byte("stopped by ")), bytes.HasPrefix(b, []byte("continued by ")):
		l.form = formNote
	}
}
