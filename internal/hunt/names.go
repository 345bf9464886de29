package hunt

import (
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
}

type prefix struct{ dir, as string }

func newNaming() *naming { return &naming{pids: map[string]op.Actor{}, memo: map[string]string{}} }

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
