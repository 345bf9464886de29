package watch

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Glob is a pattern for paths: ? and [abc] stand for one byte of a name, * for any
// number of them, ** for any number of names. A pattern without a slash is about
// the last name of a path, wherever that is.
type Glob struct {
	text   string // as given
	head   string // what every path that matches begins with
	regexp *regexp.Regexp
	base   bool // matched against the last name only
}

// The longest name and the longest path that Linux takes, in bytes (limits.h, without the NUL).
const (
	nameMax = 255
	pathMax = 4095
)

// ParseGlob reads a pattern; a relative one with a slash begins in dir. The error
// says what is wrong with it.
func ParseGlob(text, dir string) (*Glob, error) {
	if text == "" {
		return nil, errors.New("the pattern is empty")
	}
	for name := range strings.SplitSeq(text, "/") {
		if !strings.ContainsAny(name, `*?[\`) && len(name) > nameMax {
			return nil, fmt.Errorf("a name in it has %d bytes, and the longest that there can be has %d", len(name), nameMax)
		}
	}
	g := &Glob{text: text, base: !strings.Contains(text, "/")}
	whole := text
	if !g.base && !path.IsAbs(text) {
		whole = quoteMeta(strings.TrimSuffix(dir, "/")) + "/" + strings.TrimPrefix(text, "./")
	}
	expression, head, err := translate(whole)
	if err != nil {
		return nil, err
	}
	if len(head) > pathMax {
		return nil, fmt.Errorf("it has %d bytes before the first * or ?, and the longest path that there can be has %d", len(head), pathMax)
	}
	if !g.base {
		g.head = head
	}
	g.regexp, err = regexp.Compile("^(?s:" + expression + ")$")
	if err != nil {
		return nil, fmt.Errorf("%q is no pattern: %w", text, err)
	}
	return g, nil
}

// Head is the literal beginning of every path that matches, "" if there is none.
func (g *Glob) Head() string { return g.head }

// String is the pattern as it was given.
func (g *Glob) String() string { return g.text }

// Match reports whether the absolute path matches.
func (g *Glob) Match(p string) bool {
	if g.base {
		p = path.Base(p)
	}
	return p != "" && g.regexp.MatchString(p)
}

// quoteMeta makes a pattern that matches s alone.
func quoteMeta(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(`*?[\`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// translate makes a regular expression of a pattern, and finds its literal beginning.
func translate(pattern string) (expression, head string, err error) {
	var b, literal strings.Builder
	wild := false
	for rest := pattern; rest != ""; {
		var piece string
		n := 1
		switch {
		case strings.HasPrefix(rest, "**/"): // "a/**/b" is "a/b", too
			piece, n = "(?:.*/)?", 3
		case strings.HasPrefix(rest, "**"):
			piece, n = ".*", 2
		case rest[0] == '*':
			piece = "[^/]*"
		case rest[0] == '?':
			piece = "[^/]"
		case rest[0] == '[':
			if piece, n, err = set(rest); err != nil {
				return "", "", err
			}
		default:
			plain := rest
			if rest[0] == '\\' && len(rest) > 1 {
				plain = rest[1:]
			}
			_, size := utf8.DecodeRuneInString(plain)
			n = len(rest) - len(plain) + size
			b.WriteString(regexp.QuoteMeta(plain[:size]))
			if !wild {
				literal.WriteString(plain[:size])
			}
			rest = rest[n:]
			continue
		}
		wild = true
		b.WriteString(piece)
		rest = rest[n:]
	}
	return b.String(), literal.String(), nil
}

// set translates [abc], [a-z], [!abc] at the beginning of s; n is its length.
func set(s string) (piece string, n int, err error) {
	end := strings.IndexByte(s[1:], ']')
	if end < 1 {
		return "", 0, fmt.Errorf("%q has a [ without its ]; a [ that is part of a name is written \\[", s)
	}
	inside := strings.ReplaceAll(s[1:1+end], `\`, `\\`)
	if inside[0] == '!' || inside[0] == '^' {
		return "[^/" + inside[1:] + "]", end + 2, nil
	}
	return "[" + strings.ReplaceAll(inside, "[", `\[`) + "]", end + 2, nil
}
