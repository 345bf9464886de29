package race

import "testing"

func TestCheckThenCreate(t *testing.T) {
	scripts(t, map[string]string{
		"rename over": `
			have a "a\n"
			have b "b\n"
			1    fork 1.1
			1    fork 1.2
			1.1  access dst = -ENOENT        #*
			1.2  access dst = -ENOENT
			1.2  rename b dst                #*
			1.1  rename a dst                #*
		`,
		"pid file": `
			1    fork 1.1
			1    fork 1.2
			1.1  open dst rdonly = -ENOENT   #*
			1.2  open dst rdonly = -ENOENT
			1.1  fork 1.1.1
			1.2  fork 1.2.1
			1.2.1  open dst wronly,creat,trunc = 3  #*
			1.2.1  write 3 "1201\n"
			1.1.1  open dst wronly,creat,trunc = 3  #*
			1.1.1  write 3 "1101\n"          #*
		`,
		"both at work": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat dst = -ENOENT          #*
			1.2  open dst wronly,creat,trunc = 3  #*
			1.1  open dst wronly,creat,trunc = 3  #*
			1.1  write 3 "11\n"
			1.2  write 3 "12\n"              #*
		`,
		"cut off": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat dst = -ENOENT          #*
			1.2  open dst wronly,creat,trunc = 3  #*
			1.2  write 3 "12\n"
			1.1  open dst wronly,creat,trunc = 3  #*
			1.1  close 3
		`,
		"read before the other wrote": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat dst = -ENOENT          #*
			1.2  open dst rdwr,creat = 3     #*
			1.1  open dst rdwr,creat = 3     #*
			1.1  read 3
			1.2  write 3 "12\n"
			1.1  pwrite 3 0 "11\n"           #*
		`,
		"read what one wrote oneself": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat dst = -ENOENT          #*
			1.2  open dst rdwr,creat = 3     #*
			1.1  open dst rdwr,creat = 3     #*
			1.1  write 3 "1111\n"
			1.1  pread 3 0 5
			1.2  pwrite 3 5 "12\n"
			1.1  pwrite 3 5 "11\n"           #*
		`,
		"in pieces": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat dst = -ENOENT          #*
			1.2  open dst wronly,creat,trunc = 3  #*
			1.2  write 3 "12\n"
			1.2  close 3
			1.1  open dst wronly,creat,trunc = 3  #*
			1.1  write 3 "1"                 #*
			1.1  write 3 "1\n"
			1.1  close 3
		`,
	}, func(t *testing.T, script string) {
		t.Helper()
		fires(t, checkThenCreate, End{}, "/w/dst", script)
	})
}

func TestCheckThenCreateSilent(t *testing.T) {
	scripts(t, map[string]string{
		"a database that two make": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat db = -ENOENT
			1.2  open db rdwr,creat = 3
			1.1  open db rdwr,creat = 3
			1.1  pread 3 0 16
			1.2  pread 3 0 16
			1.2  lock 3 WR 0 9
			1.2  pwrite 3 0 "page one"
			1.2  lock 3 UN
			1.1  lock 3 WR 0 9
			1.1  pread 3 0 16
			1.1  pwrite 3 0 "page two"
			1.1  lock 3 UN
			1.2  lock 3 WR 0 9
			1.2  pread 3 0 16
			1.2  pwrite 3 0 "page 333"
			1.2  lock 3 UN
		`,
		"exclusive": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat f = -ENOENT
			1.2  stat f = -ENOENT
			1.2  open f wronly,creat,excl = 3
			1.2  write 3 "2\n"
			1.1  open f wronly,creat,excl = -EEXIST
		`,
		"mv -n with RENAME_NOREPLACE": `
			have a "a\n"
			have b "b\n"
			1    fork 1.1
			1    fork 1.2
			1.1  access dst = -ENOENT
			1.2  access dst = -ENOENT
			1.2  rename b dst noreplace
			1.1  rename a dst noreplace = -EEXIST
		`,
		"looked again": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat f = -ENOENT
			1.2  write f trunc "22\n"
			1.1  stat f
			1.1  write f trunc "1\n"
		`,
		"the same contents in pieces": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat f = -ENOENT
			1.2  write f trunc "cache\n"
			1.1  open f wronly,creat,trunc = 3
			1.1  write 3 "ca"
			1.1  write 3 "che\n"
			1.1  close 3
		`,
		"the same contents in one": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat f = -ENOENT
			1.2  open f wronly,creat,trunc = 3
			1.2  write 3 "cache"
			1.2  write 3 "\n"
			1.2  close 3
			1.1  write f trunc "cache\n"
		`,
		"the same contents": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat f = -ENOENT
			1.2  write f trunc "cache\n"
			1.1  open tmp wronly,creat,excl = 3
			1.1  write 3 "cache\n"
			1.1  rename tmp f
		`,
		"nothing was in it": `
			have x "x\n"
			1    fork 1.1
			1    fork 1.2
			1.1  access lock = -ENOENT
			1.2  open lock rdwr,creat = 3
			1.1  rename x lock
		`,
		"appended": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat log = -ENOENT
			1.2  write log append "2\n"
			1.1  write log append "1\n"
		`,
		"created under a lock, after the check": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat f = -ENOENT
			1.1  open L rdwr,creat = 9
			1.2  open L rdwr,creat = 9
			1.2  flock 9 EX
			1.2  write f trunc "22\n"
			1.2  flock 9 UN
			1.1  flock 9 EX
			1.1  write f trunc "1\n"
		`,
		"its own file": `
			1    fork 1.1
			1.1  stat f = -ENOENT
			1.1  write f trunc "22\n"
			1.1  write f trunc "1\n"
		`,
		"no check": `
			1    fork 1.1
			1    fork 1.2
			1.2  write f trunc "22\n"
			1.1  write f trunc "1\n"
		`,
	}, mute(checkThenCreate, End{Failed: true}))
}
