package race

import "testing"

func TestPartialRead(t *testing.T) {
	scripts(t, map[string]string{
		"empty": `
			have s "old contents"
			1    fork 1.1
			1    fork 1.2
			1.1  open s wronly,creat,trunc = 3  #*
			1.2  open s rdonly = 3
			1.2  read 3 = 0                  #*
			1.2  exit 1
			1.1  write 3 "new contents"      #*
			1.1  exit 0
		`,
		"the first part": `
			have s "old contents"
			1    fork 1.1
			1    fork 1.2
			1.1  open s wronly,creat,trunc = 3  #*
			1.1  write 3 "new "
			1.2  open s rdonly = 3
			1.2  read 3 = 4
			1.2  read 3 = 0                  #*
			1.1  write 3 "contents"          #*
			1.2  exit 0
		`,
		"just created": `
			1    fork 1.1
			1    fork 1.2
			1.1  open s wronly,creat,excl = 3   #*
			1.2  open s rdonly = 3
			1.2  read 3 = 0                  #*
			1.1  write 3 "1101\n"            #*
		`,
		"cut off while it was read": `
			have s "old contents"
			1    fork 1.1
			1    fork 1.2
			1.2  open s rdonly = 3
			1.2  read 3 4 = 4
			1.1  open s wronly,creat,trunc = 3  #*
			1.2  read 3 4 = 0                #*
			1.1  write 3 "new contents"      #*
		`,
		"locked afterwards, and not read again": `
			1    fork 1.1
			1    fork 1.2
			1.1  open s rdwr,creat = 3      #*
			1.1  pwrite 3 0 "page one"
			1.2  open s rdwr = 3
			1.2  read 3
			1.2  read 3                      #*
			1.1  pwrite 3 8 "page two"       #*
			1.2  lock 3 RD 0 9
			1.2  close 3
			1.1  close 3
			1.1  exit 0
			1.2  exit 0
		`,
		"read again in part, without a lock": `
			1    fork 1.1
			1    fork 1.2
			1.1  open s rdwr,creat = 3      #*
			1.1  pwrite 3 0 "page one"
			1.2  open s rdwr = 3
			1.2  read 3
			1.2  read 3                      #*
			1.1  pwrite 3 8 "page two"       #*
			1.2  pread 3 2 4
			1.1  exit 0
			1.2  exit 0
		`,
		"another process's lock is refused, or on another file": `
			have s "old contents"
			have l ""
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.1  open s wronly,creat,trunc = 3  #*
			1.2  open s rdonly = 3
			1.2  read 3 = 0                  #*
			1.2  open l rdwr = 4
			1.2  lock 4 WR nb = -EAGAIN
			1.3  open s rdwr = 4
			1.3  lock 4 WR nb = -EAGAIN
			1.1  write 3 "new contents"      #*
		`,
		"ftruncate": `
			have s "old contents"
			1    fork 1.1
			1    fork 1.2
			1.1  open s rdwr = 3
			1.1  ftruncate 3 0               #*
			1.2  open s rdonly = 3
			1.2  read 3 = 0                  #*
			1.1  write 3 "new contents"      #*
		`,
	}, func(t *testing.T, script string) {
		t.Helper()
		if f := fires(t, partialRead, End{}, "/w/s", script); f.Evidence != Observed || f.Explains {
			t.Errorf("evidence %s, explains %v", f.Evidence, f.Explains)
		}
	})
}

// A finding does not wait for the end of the run if nobody is left to read again.
func TestPartialReadAtExitOfParent(t *testing.T) {
	found := 0
	d := newPartialRead()
	playRule(t, d, `
		have s "old"
		1      fork 1.1
		1      fork 1.2
		1.1    open s wronly,creat,trunc = 3
		1.2    fork 1.2.1
		1.2.1  read s
		1.1    write 3 "new"
		1.2.1  exit 0
		1.2    wait 1.2.1
		1.2    exit 0
	`, func(Finding) { found++ })
	if found != 1 {
		t.Errorf("%d findings before the end of the run, want 1", found)
	}
}

func TestPartialReadSilent(t *testing.T) {
	scripts(t, map[string]string{
		"read again": `
			have s "old contents"
			1    fork 1.1
			1    fork 1.2
			1.1  open s wronly,creat,trunc = 3
			1.2  read s
			1.1  write 3 "new contents"
			1.2  read s
			1.2  exit 0
		`,
		"read again by a sibling": `
			1      fork 1.1
			1      fork 1.2
			1.1    open s wronly,creat,excl = 3
			1.2    fork 1.2.1
			1.2.1  read s
			1.2.1  exit 0
			1.2    wait 1.2.1
			1.1    write 3 "1101\n"
			1.2    fork 1.2.2
			1.2.2  read s
			1.2.2  exit 0
			1.2    wait 1.2.2
			1.2    exit 0
		`,
		"read to the end after all": `
			have s "old contents"
			1    fork 1.1
			1    fork 1.2
			1.1  open s wronly,creat,trunc = 3
			1.1  write 3 "new "
			1.2  open s rdonly = 3
			1.2  read 3 = 4
			1.1  write 3 "contents"
			1.2  read 3 = 8
			1.2  read 3 = 0
		`,
		"read before the truncation": `
			have s "old contents"
			1    fork 1.1
			1    fork 1.2
			1.2  open s rdonly = 3
			1.2  read 3 = 12
			1.1  open s wronly,creat,trunc = 3
			1.2  read 3 = 0
			1.1  write 3 "new contents"
		`,
		"the writing was over": `
			have s "old contents"
			1    fork 1.1
			1    fork 1.2
			1.1  open s wronly,creat,trunc = 3
			1.1  write 3 "new"
			1.2  read s
			1.1  close 3
		`,
		"replaced by rename": `
			have s "old contents"
			1    fork 1.1
			1    fork 1.2
			1.1  open tmp wronly,creat,excl = 3
			1.1  write 3 "new "
			1.2  read s
			1.1  write 3 "contents"
			1.1  rename tmp s
			1.2  read s
		`,
		"an appended log": `
			have s "old contents"
			1    fork 1.1
			1    fork 1.2
			1.1  open s wronly,append,trunc = 3
			1.1  write 3 "one\n"
			1.2  read s
			1.1  write 3 "two\n"
		`,
		"polled until it says ready": `
			1    fork 1.1
			1    fork 1.2
			1.1  open s wronly,creat,trunc = 3
			1.1  write 3 "starting\n"
			1.2  read s
			1.1  write 3 "ready\n"
			1.2  read s
			1.1  write 3 "request\n"
		`,
		"under a lock": `
			have s "old contents"
			1    fork 1.1
			1    fork 1.2
			1.1  open s rdwr,creat = 3
			1.2  open s rdonly = 3
			1.1  flock 3 EX
			1.1  ftruncate 3 0
			1.2  flock 3 SH waits
			1.1  write 3 "new contents"
			1.1  close 3
			1.2  flock 3 SH
			1.2  read 3
			1.2  read 3 = 0
		`,
		"a database that is locked": `
			1    fork 1.1
			1    fork 1.2
			1.1  open s rdwr,creat = 3
			1.2  open s rdwr,creat = 3
			1.2  read 3 = 0
			1.1  lock 3 WR
			1.2  lock 3 RD nb = -EAGAIN
			1.1  write 3 "a page"
			1.2  exit 5
		`,
		"a look at the header, and then a lock and another look": `
			1    fork 1.1
			1    fork 1.2
			1.1  open db rdwr,creat = 3
			1.1  pwrite 3 0 "page one"
			1.2  open db rdwr = 3
			1.2  read 3
			1.2  read 3
			1.1  pwrite 3 8 "page two"
			1.2  lock 3 RD 0 9
			1.2  pread 3 2 4
			1.1  close 3
			1.1  exit 0
			1.2  exit 0
		`,
		"read again in pieces that overlap": `
			1    fork 1.1
			1    fork 1.2
			1.1  open db rdwr,creat = 3
			1.1  pwrite 3 0 "page one"
			1.2  open db rdwr = 3
			1.2  read 3
			1.2  read 3
			1.1  pwrite 3 8 "page two"
			1.2  open db rdwr = 4
			1.2  pread 4 0 8
			1.2  pread 4 2 4
			1.2  pread 4 8 8
			1.1  close 3
			1.1  exit 0
			1.2  exit 0
		`,
		"a database whose lock is asked for late": `
			1    fork 1.1
			1    fork 1.2
			1.1  open s rdwr,creat = 3
			1.2  open s rdwr,creat = 3
			1.2  read 3 = 0
			1.1  lock 3 WR
			1.1  write 3 "a page"
			1.2  lock 3 RD nb = -EAGAIN
			1.1  write 3 "a page"
			1.2  exit 5
		`,
		"and later still": `
			1    fork 1.1
			1    fork 1.2
			1.1  open s rdwr,creat = 3
			1.2  open s rdwr,creat = 3
			1.2  read 3 = 0
			1.1  write 3 "a page"
			1.1  close 3
			1.2  lock 3 RD nb = -EAGAIN
			1.2  exit 5
		`,
		"written and read in turn by one shell": `
			1    open s wronly,creat,trunc = 3
			1    write 3 "one\n"
			1    fork 1.1
			1.1  read s
			1.1  exit 0
			1    wait 1.1
			1    write 3 "two\n"
		`,
	}, mute(partialRead, End{Failed: true}))
}
