package race

import "testing"

func TestUnlockedAccess(t *testing.T) {
	for _, c := range []struct{ name, headline, script string }{
		{"a write between two uses", "1.2 wrote /w/f while 1.1 had it under the lock on it", `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  flock 3 EX              #*
			1.1  read 3                  #*
			1.2  open f wronly = 3
			1.2  write 3 "9\n"           #*
			1.1  pwrite 3 0 "1\n"        #*
			1.1  close 3
		`},
		{"half of a change is read", "1.2 read half of a change that 1.1 made to /w/f under the lock on it", `
			have f "a=0 b=0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  lock 3 WR               #*
			1.1  pwrite 3 0 "a=1"        #*
			1.2  open f rdonly = 3
			1.2  read 3                  #*
			1.1  pwrite 3 4 "b=1"        #*
			1.1  close 3
		`},
		{"an empty file is read", "1.2 read half of a change that 1.1 made to /w/f under the lock on it", `
			have f "old\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  flock 3 EX              #*
			1.1  ftruncate 3 0           #*
			1.2  open f rdonly = 3
			1.2  read 3 = 0              #*
			1.1  pwrite 3 0 "new\n"      #*
			1.2  exit 0
		`},
		{"a lock file that two others take", "1.3 wrote /w/f while 1.1 had it under the lock on /w/L", `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.1  open L rdwr,creat = 9
			1.1  flock 9 EX              #*
			1.1  open f rdwr = 3
			1.1  read 3                  #*
			1.3  open f wronly = 3
			1.3  write 3 "9\n"           #*
			1.1  pwrite 3 0 "1\n"        #*
			1.1  close 9
			1.2  open L rdwr,creat = 9
			1.2  flock 9 EX
			1.2  open f rdwr = 3
			1.2  read 3
			1.2  pwrite 3 0 "2\n"
		`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fires(t, unlockedAccess, End{}, "/w/f", c.script)
			if f.Evidence != Observed || f.Headline != c.headline {
				t.Errorf("%s: %s", f.Evidence, f.Headline)
			}
		})
	}
}

func TestUnlockedAccessSilent(t *testing.T) {
	scripts(t, map[string]string{
		"SQLite reads the header before it locks, and again after": `
			have db "0123456789"
			1    fork 1.1
			1    fork 1.2
			1.1  open db rdwr = 3
			1.1  lock 3 WR 100 101
			1.1  pwrite 3 0 "abcde"
			1.2  open db rdonly = 3
			1.2  pread 3 0 10
			1.1  pwrite 3 5 "fghij"
			1.1  lock 3 UN 100 101
			1.2  lock 3 RD 100 101
			1.2  pread 3 0 10
			1.2  exit 0
		`,
		"a header that one write changes is read whole": `
			have f "0123456789"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  flock 3 EX
			1.1  pwrite 3 0 "abc"
			1.2  open f rdonly = 3
			1.2  pread 3 0 3
			1.1  pwrite 3 5 "def"
			1.1  close 3
			1.2  exit 0
		`,
		"a log is appended to by all": `
			1    fork 1.1
			1    fork 1.2
			1.1  open log wronly,creat,append = 3
			1.1  flock 3 EX
			1.1  write 3 "a1"
			1.2  open log wronly,creat,append = 3
			1.2  write 3 "b"
			1.2  open log rdonly = 4
			1.2  read 4
			1.1  write 3 "a2"
			1.1  close 3
		`,
		"the child of the owner": `
			have f "0\n"
			1      fork 1.1
			1.1    open f rdwr,cloexec = 3
			1.1    flock 3 EX
			1.1    read 3
			1.1    fork 1.1.1
			1.1.1  exec sed
			1.1.1  open f wronly = 3
			1.1.1  write 3 "9\n"
			1.1.1  exit 0
			1.1    pwrite 3 0 "1\n"
		`,
		"others' bytes are locked": `
			have f "0123456789"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  lock 3 WR 0 5
			1.1  pread 3 0 10
			1.2  open f wronly = 3
			1.2  pwrite 3 6 "x"
			1.1  pwrite 3 0 "abcde"
		`,
		"a daemon has a pid file, and users edit what it reads": `
			have conf "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open pid rdwr,creat = 9
			1.1  flock 9 EX
			1.1  open conf rdonly = 3
			1.1  pread 3 0 2
			1.2  open conf wronly,trunc = 3
			1.2  write 3 "1\n"
			1.1  pread 3 0 2
			1.1  exit 0
			1    fork 1.3
			1.3  open pid rdwr = 9
			1.3  flock 9 EX
			1.3  open conf rdonly = 3
			1.3  read 3
		`,
		"the owner tells by a pipe": `
			have f "0\n"
			1    pipe 5 6
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  flock 3 EX
			1.1  pwrite 3 0 "1\n"
			1.1  write 6 "go"
			1.2  read 5
			1.2  open f wronly = 3
			1.2  write 3 "2\n"
			1.2  exit 0
			1.1  pwrite 3 0 "3\n"
		`,
		"all take the lock": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.2  open f rdwr = 3
			1.1  flock 3 EX
			1.1  read 3
			1.2  flock 3 EX waits
			1.1  pwrite 3 0 "1\n"
			1.1  flock 3 UN
			1.2  flock 3 EX
			1.2  read 3
			1.2  pwrite 3 0 "2\n"
		`,
	}, mute(unlockedAccess, End{Failed: true}))
}
