package logs

import "bytes"

// straceResult is what stands behind a call's closing bracket.
type straceResult struct {
	ret    int64
	ended  bool // the call ended with a result; "?" is none
	again  bool // it was interrupted and will begin again: nothing happened
	took   int64
	timed  bool   // took is known (-T), ns
	opened []byte // with -y, the text from the descriptor on
}

// parseResult reads "= 3</path> <0.000012>", "= -1 ENOENT (…)", "= ?", "= ? ERESTARTSYS (…)".
func parseResult(b []byte) (r straceResult, ok bool) {
	b = bytes.TrimLeft(b, " ")
	if len(b) == 0 || b[0] != '=' {
		return r, false
	}
	b = bytes.TrimSpace(b[1:])
	b = r.duration(b)
	if len(b) == 0 {
		return r, false
	}
	if b[0] == '?' {
		if e := errnos[string(cutAt(bytes.TrimSpace(b[1:]), ' '))]; e != 0 {
			r.ret, r.ended, r.again = -int64(e), true, true
		}
		return r, true
	}
	n, rest, ok := number(b)
	if !ok {
		return r, false
	}
	r.ret, r.ended = int64(n), true
	if len(rest) > 0 && rest[0] == '<' {
		r.opened = b
		return r, true
	}
	if r.ret == -1 {
		if e := errnos[string(cutAt(bytes.TrimSpace(rest), ' '))]; e != 0 {
			r.ret = -int64(e)
		}
	}
	return r, true
}

// duration takes the column of -T from the end.
func (r *straceResult) duration(b []byte) []byte {
	if len(b) < 3 || b[len(b)-1] != '>' {
		return b
	}
	i := bytes.LastIndexByte(b, '<')
	if i < 1 || b[i-1] != ' ' {
		return b
	}
	if v, ok := seconds(b[i+1 : len(b)-1]); ok {
		r.took, r.timed = v, true
		return bytes.TrimRight(b[:i], " ")
	}
	return b
}
