package hunt

import (
	"fmt"
	"strconv"
	"strings"

	"filerace/internal/op"
)

// naming gives files the same name in every run: the run's own directories are
// cut off, and process ids in names become actors.
type naming struct {
	dirs []prefix
	pids map[string]op.Actor
	memo map[string]string

	temps     map[string]string // stable names of temporary files by path
	templates map[string]bool   // shapes of names that are drawn at random
	drawn     map[op.Actor]int  // temporary names that each actor made
}

type prefix struct{ dir, as string }

func newNaming() *naming {
	return &naming{
		pids: map[string]op.Actor{}, memo: map[string]string{}, temps: map[string]string{}, drawn: map[op.Actor]int{}, templates: map[string]bool{},
	}
}

// under makes paths below dir start with as.
func (n *naming) under(dir, as string) {
	if dir != "" {
		n.dirs = append(n.dirs, prefix{dir, as})
	}
}

// born notes a process id that may turn up in names.
func (n *naming) born(pid int, a op.Actor) {
	n.pids[strconv.Itoa(pid)] = a
	clear(n.memo)
}

// name is the stable form of an absolute path.
func (n *naming) name(path string) string {
	if s, ok := n.memo[path]; ok {
		return s
	}
	s := path
	if t, ok := n.temps[path]; ok {
		s = t
	}
	for _, p := range n.dirs {
		if rest, ok := strings.CutPrefix(s, p.dir); ok && (rest == "" || rest[0] == '/') {
			s = p.as + rest
			if p.as == "" {
				s = strings.TrimPrefix(rest, "/")
			}
			if s == "" {
				s = "."
			}
			break
		}
	}
	s = n.withoutPids(s)
	n.memo[path] = s
	return s
}

// entering sees an operation at its entry: a name with a random part that is about
// to be created exclusively is called after its maker, as it is another in every
// run. glibc's mkstemp(3) draws it from the clock, which control does not fake.
func (n *naming) entering(o *op.Op) {
	exclusive := o.Kind == op.Open && o.Flags&(op.O_CREAT|op.O_EXCL) == op.O_CREAT|op.O_EXCL
	if !exclusive && o.Kind != op.Mkdir || len(o.Names) == 0 {
		return
	}
	path := o.Names[0].Path
	if n.temps[path] != "" {
		return
	}
	base := o.Names[0].Base
	at := len(path) - len(base)
	i, j := stretch(base)
	if j-i < minDrawn {
		return
	}
	template := fmt.Sprintf("%s%s?%d%s", n.name(path[:at]), base[:i], j-i, base[j:])
	if !n.templates[template] && !looksDrawn(base[i:j]) {
		return
	}
	n.templates[template] = true
	maker := o.Actor.Process()
	n.drawn[maker]++
	stable := fmt.Sprintf("%s{%s~%d}%s", path[:at+i], maker, n.drawn[maker], path[at+j:])
	if o.Kind == op.Mkdir { // what it will hold is called after it
		n.dirs = append([]prefix{{path, n.name(stable)}}, n.dirs...)
		clear(n.memo)
		return
	}
	n.temps[path] = stable
	delete(n.memo, path)
}

// minDrawn is the shortest random part: the X's that mkstemp(3) demands.
const minDrawn = 6

// stretch finds the part of a name that a program may have drawn: its last run of
// letters and digits that is long enough. At the beginning of a name up to three
// small letters are taken for a fixed prefix ("sed", "tmp").
func stretch(base string) (i, j int) {
	for j = len(base); j > 0; j = i - 1 {
		i = j
		for i > 0 && alphanumeric(base[i-1]) {
			i--
		}
		if j-i >= minDrawn {
			break
		}
		if i == 0 {
			return 0, 0
		}
	}
	for k := 0; i == k && k < 3 && j-i > minDrawn && base[i] >= 'a'; k++ {
		i++
	}
	return i, j
}

// looksDrawn reports whether a stretch looks random: upper and lower case mixed,
// or digits between letters. Names of one template are taken to be drawn once one
// of them looks so, in this run or an earlier one.
func looksDrawn(s string) bool {
	var upper, lower, digits, turns int
	for k := range len(s) {
		switch c := s[k]; {
		case c <= '9':
			digits++
			if k > 0 && s[k-1] > '9' {
				turns++
			}
		case c <= 'Z':
			upper++
		default:
			lower++
		}
	}
	first := s[0] >= 'A' && s[0] <= 'Z'
	capital := first && upper == 1 && digits == 0 // "Report" is a word
	return !capital && upper > 0 && lower > 0 || digits > 0 && lower+upper > 0 && (turns > 1 || s[len(s)-1] > '9')
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// withoutPids replaces runs of digits that are a process id of this run.
func (n *naming) withoutPids(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && '0' <= s[j] && s[j] <= '9' {
			j++
		}
		if j == i {
			b.WriteByte(s[i])
			i++
			continue
		}
		if a, ok := n.pids[s[i:j]]; ok && j-i > 1 {
			b.WriteString("{" + string(a) + "}")
		} else {
			b.WriteString(s[i:j])
		}
		i = j
	}
	return b.String()
}

// key names an accessed object for all runs; "" if it is never a decision.
func (n *naming) key(a *op.Access) string {
	if a.Path == "" {
		return ""
	}
	switch a.Kind {
	case op.ObjName:
		if a.Base == "*" {
			return "list " + n.name(a.Path)
		}
		return "name " + n.name(a.Path)
	case op.ObjData:
		return "data " + n.name(a.Path)
	case op.ObjSize:
		return "size " + n.name(a.Path)
	case op.ObjMeta:
		return "meta " + n.name(a.Path)
	case op.ObjOffset:
		return "offset " + n.name(a.Path)
	case op.ObjLock:
		return "lock " + n.name(a.Path)
	}
	return ""
}
