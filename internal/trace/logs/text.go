package logs

import (
	"bytes"
)

// maxArgs bounds the arguments and members that are looked at. The kernel has six
// arguments; structures in a log have more members than anyone needs here.
const maxArgs = 64

// split cuts s at the commas of its top level, up to the bracket that closes it.
// rest is what follows that bracket; ok is false if it is not there.
func split(s []byte, parts [][]byte) (n int, rest []byte, ok bool) {
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i = quoteEnd(s, i)
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth > 0 {
				depth--
				continue
			}
			if last := bytes.TrimSpace(s[start:i]); (n > 0 || len(last) > 0) && n < len(parts) {
				parts[n] = last
				n++
			}
			return n, s[i+1:], true
		case '<':
			i = decorationEnd(s, i) - 1
		case '/':
			if i+1 < len(s) && s[i+1] == '*' {
				i = commentEnd(s, i) - 1
			}
		case ',':
			if depth == 0 {
				if n < len(parts) {
					parts[n] = bytes.TrimSpace(s[start:i])
					n++
				}
				start = i + 1
			}
		}
	}
	return n, nil, false
}

// quoteEnd returns the index of the quote that closes the one at i, or the last index.
func quoteEnd(s []byte, i int) int {
	for i++; i < len(s); i++ {
		j := bytes.IndexByte(s[i:], '"')
		if j < 0 {
			return len(s) - 1
		}
		slashes := 0
		for k := i + j - 1; k >= i && s[k] == '\\'; k-- {
			slashes++
		}
		i += j
		if slashes%2 == 0 {
			return i
		}
	}
	return len(s) - 1
}

func commentEnd(s []byte, i int) int {
	if j := bytes.Index(s[i:], []byte("*/")); j >= 0 {
		return i + j + 2
	}
	return len(s)
}

// decorationEnd returns the index behind the angle brackets that open at i, as in
// 3</path>, 5<TCP:[1.2.3.4:5->6.7.8.9:10]> and 1</dev/null<char 1:3>>. A path's own
// brackets are escaped (strace 6.1). Where it is no decoration (21<<SHIFT), or has no end, that is i+1.
func decorationEnd(s []byte, i int) int {
	path := i+1 < len(s) && s[i+1] == '/'
	depth := 0
	for j := i; j < len(s); j++ {
		switch s[j] {
		case '<':
			if j == i+1 {
				return i + 1
			}
			depth++
		case '"':
			if !path {
				j = quoteEnd(s, j)
			}
		case '>':
			if !path && s[j-1] == '-' {
				continue
			}
			if depth--; depth == 0 {
				return j + 1
			}
		}
	}
	return i + 1
}

// unescape appends the C string s, without its quotes, to dst.
func unescape(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 || i+1 >= len(s) {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		c := s[i+1]
		s = s[i+2:]
		switch {
		case c >= '0' && c <= '7':
			v := int(c - '0')
			for n := 1; n < 3 && len(s) > 0 && s[0] >= '0' && s[0] <= '7'; n++ {
				v, s = v*8+int(s[0]-'0'), s[1:]
			}
			dst = append(dst, byte(v))
		case c == 'x':
			v := 0
			for n := 0; n < 2 && len(s) > 0 && hexDigit(s[0]) >= 0; n++ {
				v, s = v*16+hexDigit(s[0]), s[1:]
			}
			dst = append(dst, byte(v))
		default:
			if j := bytes.IndexByte([]byte("abtnvfre"), c); j >= 0 {
				c = "\a\b\t\n\v\f\r\x1b"[j]
			}
			dst = append(dst, c)
		}
	}
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// inner returns what is between the brackets that s begins with, and whether
// there are any.
func inner(s []byte, open byte) ([]byte, bool) {
	if len(s) < 2 || s[0] != open {
		return nil, false
	}
	return s[1:], true
}

// member returns the member of that name of the structure s, "{a=1, b=2}"; where
// an older strace wrote no names, position counts. It wrote struct flock's members
// without their l_.
func member(s []byte, name string, position int) []byte {
	body, ok := inner(s, '{')
	if !ok {
		return nil
	}
	var parts [maxArgs][]byte
	n, _, _ := split(body, parts[:])
	named := false
	for _, p := range parts[:n] {
		key, value, ok := bytes.Cut(p, []byte("="))
		if !ok || !isName(key) {
			continue
		}
		named = true
		if string(key) == name || len(name) > 2 && name[:2] == "l_" && string(key) == name[2:] {
			return value
		}
	}
	if named || position >= n {
		return nil
	}
	return parts[position]
}

func isName(s []byte) bool {
	for _, c := range s {
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return len(s) > 0
}
