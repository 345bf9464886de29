package op

import (
	"strings"
	"testing"
)

func stripped(path string) string { return strings.TrimPrefix(path, "/run/7/") }

// returned makes an operation as it is after its return.
func returned(t *testing.T, m Memory, set func(*Op), ret int64, name string, args ...uint64) *Op {
	t.Helper()
	o := decoded(t, m, name, args...)
	o.Actor = "1.2"
	if set != nil {
		set(o)
	}
	Finish(o, ret, m)
	return o
}

func TestWords(t *testing.T) {
	m := &memory{base: 4096}
	at := m.put("app.lock", "tmp", "my \n file", "hello", [4]uint64{F_WRLCK, 5, 10, 0})
	file := func(o *Op) { o.File = File{ID: fileID, Type: Regular, Path: "/run/7/app.lock"} }
	name := func(base string, before FileID) func(*Op) {
		return func(o *Op) {
			o.Names = append(o.Names, Name{Dir: dirID, Base: base, Path: "/run/7/" + base, Before: before})
		}
	}
	absent, there := name("app.lock", FileID{}), name("app.lock", fileID)
	tests := []struct {
		o                *Op
		line, short, sig string
	}{
		{returned(t, m, there, 9, "openat", cwd, at[0], O_RDWR|O_CLOEXEC, 0o644),
			`openat(AT_FDCWD, "app.lock", O_RDWR|O_CLOEXEC, 0644) = 9`, "open → fd 9", "open RDWR app.lock"},
		{returned(t, m, absent, 9, "open", at[0], O_CREAT|O_EXCL|O_WRONLY, 0o600),
			`open("app.lock", O_WRONLY|O_CREAT|O_EXCL, 0600) = 9`, "open → fd 9, creates", "open WRONLY|CREAT|EXCL app.lock"},
		{returned(t, m, there, 4, "creat", at[0], 0o644),
			`creat("app.lock", 0644) = 4`, "open → fd 4, empties", "open WRONLY|CREAT|TRUNC app.lock"},
		{returned(t, m, there, -17, "open", at[0], O_CREAT|O_EXCL, 0o600),
			`open("app.lock", O_RDONLY|O_CREAT|O_EXCL, 0600) = -1 EEXIST`, "open → exists already", "open RDONLY|CREAT|EXCL app.lock"},
		{returned(t, m, file, 0, "flock", 9, LOCK_EX), `flock(9</run/7/app.lock>, LOCK_EX) = 0`, "flock EX, holds", "flock EX app.lock"},
		{returned(t, m, file, -11, "flock", 9, LOCK_EX|LOCK_NB),
			`flock(9</run/7/app.lock>, LOCK_EX|LOCK_NB) = -1 EAGAIN`, "flock EX → is locked", "flock EX NB app.lock"},
		{returned(t, m, file, 0, "flock", 9, LOCK_UN), `flock(9</run/7/app.lock>, LOCK_UN) = 0`, "flock UN", "flock UN app.lock"},
		{returned(t, m, file, 0, "fcntl", 9, F_SETLKW, at[4]),
			`fcntl(9</run/7/app.lock>, F_SETLKW, EX [5, 15)) = 0`, "fcntl EX [5, 15), holds", "fcntl EX app.lock"},
		{returned(t, m, file, 0, "fcntl", 9, F_OFD_GETLK, at[4]),
			`fcntl(9</run/7/app.lock>, F_OFD_GETLK, EX [5, 15)) = 0`, "ask for ofd EX [5, 15)", "get ofd EX app.lock"},
		{returned(t, m, file, 0, "fcntl", 9, F_SETLEASE, F_UNLCK), `fcntl(9</run/7/app.lock>, F_SETLEASE, UN) = 0`, "lease UN", "lease UN app.lock"},
		{returned(t, m, there, 0, "unlink", at[0]), `unlink("app.lock") = 0`, "unlink app.lock", "unlink app.lock"},
		{returned(t, m, there, 0, "unlinkat", cwd, at[0], AT_REMOVEDIR), `unlinkat(AT_FDCWD, "app.lock", AT_REMOVEDIR) = 0`, "rmdir app.lock", "rmdir app.lock"},
		{returned(t, m, absent, -2, "newfstatat", cwd, at[0], 8, AT_SYMLINK_NOFOLLOW),
			`newfstatat(AT_FDCWD, "app.lock", AT_SYMLINK_NOFOLLOW) = -1 ENOENT`, "stat → no such file", "stat app.lock"},
		{returned(t, m, both(name("tmp", fileID), name("app.lock", fileID)), 0, "rename", at[1], at[0]),
			`rename("tmp", "app.lock") = 0`, "rename tmp → app.lock", "rename tmp -> app.lock"},
		{returned(t, m, both(name("tmp", fileID), name("app.lock", fileID)), 0, "renameat2", cwd, at[1], cwd, at[0], RENAME_EXCHANGE),
			`renameat2(AT_FDCWD, "tmp", AT_FDCWD, "app.lock", RENAME_EXCHANGE) = 0`, "rename tmp ↔ app.lock", "rename EXCHANGE tmp -> app.lock"},
		{returned(t, m, absent, 0, "symlink", at[1], at[0]), `symlink("tmp", "app.lock") = 0`, "symlink app.lock → tmp", "symlink app.lock -> tmp"},
		{returned(t, m, name("my \n file", FileID{}), 0, "mkdir", at[2], 0o755), `mkdir("my \n file", 0755) = 0`, `mkdir "my \n file"`, `mkdir "my \n file"`},
		{returned(t, m, file, 5, "write", 9, at[3], 5), `write(9</run/7/app.lock>, "hello", 5) = 5`, "write 5 B", "write app.lock"},
		{returned(t, m, file, 0, "read", 9, 8, 512), `read(9</run/7/app.lock>, 512) = 0`, "read 0 B, at the end", "read app.lock"},
		{returned(t, m, file, 30, "lseek", 9, 0, SEEK_END), `lseek(9</run/7/app.lock>, 0, SEEK_END) = 30`, "seek to 30", "seek END app.lock"},
		{returned(t, m, file, 0, "close", 9), `close(9</run/7/app.lock>) = 0`, "close 9", "close app.lock"},
		{returned(t, m, func(o *Op) { o.File = File{Type: Pipe, Path: "pipe:[4711]"} }, 1, "read", 3, 8, 1),
			`read(3<pipe:[4711]>, 1) = 1`, "read 1 B", "read pipe"},
		{returned(t, m, nil, 0, "exit_group", 3), `exit_group(3)`, "exit 3", "exit"},
		{returned(t, m, child("1.2.1"), 4242, "clone", 17), `clone(0x11) = 4242`, "fork → 1.2.1", "fork"},
		{returned(t, m, child("1.3"), 0, "kill", 4242, 15), `kill(4242, SIGTERM) = 0`, "kill SIGTERM 1.3", "kill SIGTERM"},
	}
	for _, tt := range tests {
		if got := tt.o.String(); got != "1.2 "+tt.line {
			t.Errorf("line: %s\nwant: 1.2 %s", got, tt.line)
		}
		if got := Short(tt.o, stripped); got != tt.short {
			t.Errorf("short: %s\nwant:  %s", got, tt.short)
		}
		if got := Signature(tt.o, stripped); got != tt.sig {
			t.Errorf("signature: %s\nwant:      %s", got, tt.sig)
		}
	}
}

func TestShortBeforeTheReturn(t *testing.T) {
	o := decoded(t, &memory{}, "flock", 9, LOCK_EX)
	if got := Short(o, stripped); got != "flock EX" {
		t.Errorf("held: %s", got)
	}
	o.Waits = true
	if got := Short(o, stripped); got != "flock EX, waits" {
		t.Errorf("waiting: %s", got)
	}
}

// What differs between two runs that do the same must not show in a signature.
func TestSignatureIsStable(t *testing.T) {
	m := &memory{base: 4096}
	at := m.put("/run/7/f", "hello", "/run/8/f", "other data")
	strip := func(path string) string { return path[len("/run/7/"):] }
	one := decoded(t, m, "write", 9, at[1], 5)
	one.File = File{Path: "/run/7/f"}
	two := returned(t, m, nil, -4, "pwrite64", 11, at[3], 10, 77)
	two.File = File{Path: "/run/8/f"}
	if a, b := Signature(one, strip), Signature(two, strip); a != b {
		t.Errorf("%q and %q", a, b)
	}
	held := decoded(t, m, "openat", cwd, at[0], O_RDWR|O_CLOEXEC)
	done := returned(t, m, nil, 5, "open", at[2], O_RDWR)
	if a, b := Signature(held, strip), Signature(done, strip); a != b {
		t.Errorf("%q and %q", a, b)
	}
}

func FuzzWords(f *testing.F) {
	f.Add(uint8(0), uint8(1), uint64(4096), uint64(3), []byte("a\nb\x00"))
	f.Fuzz(func(t *testing.T, row, typ uint8, a, b uint64, content []byte) {
		m := &memory{base: 4096, b: content}
		o := new(Op)
		Decode(o, &Calls[int(row)%len(Calls)], [6]uint64{a, b, a, b, a, b}, m)
		o.File = File{Type: FileType(typ % 9), Path: string(content)}
		for range 2 {
			for _, s := range []string{o.String(), Short(o, stripped), Signature(o, stripped)} {
				if s == "" || strings.ContainsAny(s, "\n\x00") {
					t.Fatalf("%q", s)
				}
			}
			Accesses(o)
			Finish(o, int64(b), m)
		}
	})
}
