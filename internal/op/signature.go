package op

import (
	"strconv"
	"strings"
	"unicode"
)

// Signature writes the operation as a schedule keeps it: in one line, the same
// in every run that does the same. Lengths, offsets, descriptors, addresses and
// results are left out; name turns absolute paths into what does not change from
// run to run (it takes off scratch directories and pids).
func Signature(o *Op, name func(path string) string) string {
	words := []string{o.verb()}
	if o.Inside && !o.Done {
		words[0] = "return from " + words[0]
	}
	word := func(w string) { words = append(words, w) }
	switch o.Kind {
	case Open:
		if f := o.Flags & (O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_PATH); f != 0 {
			word(strings.ReplaceAll(openString(f), "O_", ""))
		}
	case LockOp, GetLock:
		word(o.Lock.Mode.String())
		if o.Kind == LockOp && !o.Lock.Wait && o.Lock.Mode != Unlock && o.Lock.Family != LeaseLock {
			word("NB")
		}
	case Rename:
		if o.Flags != 0 {
			word(strings.ReplaceAll(bitString(o.Flags, renameBits), "RENAME_", ""))
		}
	case Seek:
		if o.Whence >= 0 && o.Whence < len(whenceNames) {
			word(whenceNames[o.Whence])
		}
	case GetXattr, SetXattr:
		if o.Path2 != "" {
			word(quoted(o.Path2))
		}
	case Kill, Signal:
		word(SignalName(o.Signal))
	}
	if path, ok := o.subject(); ok {
		word(quoted(name(path)))
	}
	switch {
	case o.Kind == SymlinkOp:
		word("-> " + quoted(name(o.Path2)))
	case len(o.Names) > 1:
		word("-> " + quoted(name(o.Names[1].Path)))
	case o.Path2 != "" && (o.Kind == Rename || o.Kind == Link):
		word("-> " + quoted(name(o.Path2)))
	}
	return strings.Join(words, " ")
}

var whenceNames = [...]string{"SET", "CUR", "END", "DATA", "HOLE"}

// verb is what the operation does, in a word.
func (o *Op) verb() string {
	switch o.Kind {
	case LockOp:
		return o.Lock.Family.String()
	case GetLock:
		return "get " + o.Lock.Family.String()
	case Fork:
		if o.Thread {
			return "thread"
		}
	}
	return o.Kind.String()
}

// Subject returns the absolute path of what the operation is about: the first
// name it looked up, else the file of its descriptor; "" if it has none.
func Subject(o *Op) string {
	path, _ := o.subject()
	return path
}

// subject returns the path that the operation is about. Pipes and the like,
// whose only names contain numbers of this run, go by their type.
func (o *Op) subject() (string, bool) {
	switch {
	case o.Kind == Exit || o.Kind == Wait || o.Kind == Fork || o.Kind == Kill || o.Kind == Signal || o.Kind == Inherit:
		return "", false
	case len(o.Names) > 0:
		return o.Names[0].Path, true
	case o.Path != "":
		return o.Path, true
	}
	switch o.File.Type {
	case Pipe, Socket, Anon:
		if !strings.HasPrefix(o.File.Path, "/") {
			return o.File.Type.String(), true
		}
	}
	return o.File.Path, o.File.Path != ""
}

// String returns the file type in a word.
func (t FileType) String() string {
	return [...]string{UnknownType: "file", Regular: "file", Directory: "directory", Symlink: "symbolic link",
		Pipe: "pipe", Socket: "socket", Device: "device", Proc: "proc", Anon: "anon"}[t]
}

// quoted returns s as it is if it is one plain word, else in double quotes.
func quoted(s string) string {
	plain := s != ""
	for _, r := range s {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '"' || r == '\\' || r == unicode.ReplacementChar {
			plain = false
		}
	}
	if plain {
		return s
	}
	return strconv.Quote(s)
}
