package race

import "testing"

func TestStaleLockSteal(t *testing.T) {
	scripts(t, map[string]string{
		"a lock file": `
			have L "77\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open L wronly,creat,excl = -EEXIST
			1.2  open L wronly,creat,excl = -EEXIST
			1.1  stat L
			1.2  stat L                              #*
			1.1  unlink L
			1.1  open L wronly,creat,excl = 3        #*
			1.2  unlink L                            #*
			1.2  open L wronly,creat,excl = 3        #*
		`,
		"the fresh lock is asked only whether it is a link": `
			have L "77\n"
			1    fork 1.1
			1    fork 1.2
			1.2  stat L                              #*
			1.1  unlink L
			1.1  open L wronly,creat,excl = 3        #*
			1.2  readlink L = -EINVAL
			1.2  unlink L                            #*
			1.2  open L wronly,creat,excl = 3        #*
		`,
		"a directory, by a script": `
			mkdir L
			1      fork 1.1
			1      fork 1.2
			1.2    fork 1.2.1
			1.2.1  exec mkdir
			1.2.1  mkdir L = -EEXIST                 #*
			1.2.1  exit 1
			1.2    wait 1.2.1
			1.1    rmdir L
			1.1    fork 1.1.1
			1.1.1  exec mkdir
			1.1.1  mkdir L                           #*
			1.1.1  exit 0
			1.1    wait 1.1.1
			1.2    fork 1.2.2
			1.2.2  exec rm
			1.2.2  lstat L
			1.2.2  rmdir L                           #*
			1.2.2  exit 0
			1.2    wait 1.2.2
			1.2    fork 1.2.3
			1.2.3  mkdir L                           #*
			1.2.3  exit 0
			1.2    wait 1.2.3
		`,
		"a link, and a third process": `
			have L "77\n"
			have t1
			have t3
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.2  link t1 L = -EEXIST                 #*
			1.1  unlink L
			1.1  link t1 L                           #*
			1.2  rename L L.stale                    #*
			1.3  link t3 L                           #*
		`,
	}, func(t *testing.T, script string) {
		t.Helper()
		f := fires(t, staleLockSteal, End{}, "/w/L", script)
		if want := "two processes held the lock /w/L: 1.2 removed the fresh lock of 1.1 as stale"; f.Headline != want {
			t.Errorf("headline %q, want %q", f.Headline, want)
		}
	})
}

func TestStaleLockStealSilent(t *testing.T) {
	scripts(t, map[string]string{
		"looked at the fresh lock": `
			have L
			1    fork 1.1
			1    fork 1.2
			1.2  stat L
			1.1  unlink L
			1.1  open L wronly,creat,excl = 3
			1.2  stat L
			1.2  unlink L
			1.2  open L wronly,creat,excl = 3
		`,
		"nobody made it afresh": `
			have L
			1    fork 1.1
			1    fork 1.2
			1.2  stat L
			1.2  unlink L
			1.2  open L wronly,creat,excl = 3
			1.1  open L wronly,creat,excl = -EEXIST
		`,
		"the owner has ended without removing it": `
			have L
			1    fork 1.1
			1    fork 1.2
			1.2  stat L
			1.1  unlink L
			1.1  open L wronly,creat,excl = 3
			1.1  exit 1
			1.2  unlink L
			1.2  open L wronly,creat,excl = 3
		`,
		"released and taken in turn": `
			1    fork 1.1
			1    fork 1.2
			1.1  open L wronly,creat,excl = 3
			1.2  open L wronly,creat,excl = -EEXIST
			1.1  unlink L
			1.2  open L wronly,creat,excl = 3
			1.1  open L wronly,creat,excl = -EEXIST
			1.2  unlink L
			1.1  open L wronly,creat,excl = 4
		`,
		"git renames its lock file over the index": `
			have index "0"
			1    fork 1.1
			1    fork 1.2
			1.2  stat index.lock
			1.1  open index.lock wronly,creat,excl = 3
			1.2  open index.lock wronly,creat,excl = -EEXIST
			1.1  write 3 "1"
			1.1  rename index.lock index
			1.2  open index.lock wronly,creat,excl = 3
			1.2  rename index.lock index
		`,
		"a helper of the owner removes it": `
			1      fork 1.1
			1      fork 1.2
			1.1    fork 1.1.1
			1.1.1  stat L = -ENOENT
			1.1    mkdir L
			1.1.1  rmdir L
			1.2    mkdir L
		`,
		"a script's own lock, by children": `
			mkdir L
			1      fork 1.1
			1      fork 1.2
			1.1    fork 1.1.1
			1.1.1  stat L
			1.1.1  exit 0
			1.1    wait 1.1.1
			1.1    rmdir L
			1.1    fork 1.1.2
			1.1.2  mkdir L
			1.1.2  exit 0
			1.1    wait 1.1.2
			1.1    fork 1.1.3
			1.1.3  exec rmdir
			1.1.3  rmdir L
			1.1.3  exit 0
			1.1    wait 1.1.3
			1.2    mkdir L
		`,
	}, mute(staleLockSteal, End{Failed: true}))
}
