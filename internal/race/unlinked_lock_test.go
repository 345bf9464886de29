package race

import (
	"slices"
	"strings"
	"testing"
)

func TestUnlinkedLockTwins(t *testing.T) {
	scripts(t, map[string]string{
		"the waiter got the dead file": `
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.1  open L rdwr,creat = 9
			1.1  flock 9 EX                  #*
			1.2  open L rdwr,creat = 9       #*
			1.2  flock 9 EX waits            #*
			1.1  unlink L                    #*
			1.1  close 9
			1.2  flock 9 EX                  #*
			1.3  open L rdwr,creat = 9       #*
			1.3  flock 9 EX                  #*
			1.3  write log append "1.3"
			1.2  write log append "1.2"
		`,
		"in the other order, and with fcntl": `
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.2  open L rdwr,creat = 9       #*
			1.1  unlink L                    #*
			1.3  open L rdwr,creat = 9       #*
			1.3  lock 9 WR                   #*
			1.3  open data rdwr,creat = 3
			1.3  write 3 "a"
			1.2  lock 9 WR                   #*
			1.2  open data rdwr,creat = 3
		`,
		"the first owner works on after removing the file": `
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr,creat = 9       #*
			1.1  flock 9 EX                  #*
			1.1  unlink L                    #*
			1.2  open L rdwr,creat = 9       #*
			1.2  flock 9 EX                  #*
			1.2  write log append "in"
			1.1  write log append "still here"
			1.1  close 9
		`,
		"the first one goes by a second name, the second one by the path alone": `
			have L
			1    link L .L.anchor
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr = 9             #*
			1.1  flock 9 EX                  #*
			1.1  stat .L.anchor
			1.2  unlink L                    #*
			1.2  open L rdwr,creat = 9       #*
			1.2  flock 9 EX                  #*
			1.2  write log append "1.2"
			1.1  write log append "1.1"
		`,
		"the late one goes by a second name, the second one by the path alone": `
			have L
			1    link L .L.anchor
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr = 9             #*
			1.2  unlink L                    #*
			1.1  flock 9 EX                  #*
			1.1  stat .L.anchor
			1.1  write log append "1.1"
			1.2  open L rdwr,creat = 9       #*
			1.2  flock 9 EX                  #*
			1.2  write log append "1.2"
		`,
		"flock(1) locks for a shell, which only sleeps": `
			1      fork 1.1
			1      fork 1.2
			1.1    open L wronly,creat,trunc = 9  #*
			1.2    unlink L                       #*
			1.1    fork 1.1.1
			1.1.1  exec flock
			1.1.1  flock 9 EX                     #*
			1.1.1  exit 0
			1.1    wait 1.1.1
			1.1    fork 1.1.2
			1.1.2  exec sleep
			1.1.2  sleep
			1.2    open L wronly,creat,trunc = 9  #*
			1.2    flock 9 EX                     #*
			1.2    write log append "in"
			1.1.2  exit 0
			1.1    wait 1.1.2
			1.1    close 9
		`,
	}, func(t *testing.T, script string) {
		t.Helper()
		f := fires(t, unlinkedLock, End{}, "/w/L", script)
		if f.Evidence != Observed || f.Headline != "two processes held the lock on /w/L at the same time" {
			t.Errorf("%s: %s", f.Evidence, f.Headline)
		}
	})
}

func TestUnlinkedLockNamesTheShellThatHolds(t *testing.T) {
	f := fires(t, unlinkedLock, End{}, "/w/L", `
		1      fork 1.1
		1      fork 1.2
		1.1    open L wronly,creat = 9       #*
		1.2    unlink L                      #*
		1.1    fork 1.1.1
		1.1.1  exec flock
		1.1.1  flock 9 EX                    #*
		1.1.1  exit 0
		1.1    write 9 "1101\n"              #*
		1.1    close 9
	`)
	if f.Headline != "1.1 locked /w/L after 1.2 had deleted it, and worked on it" {
		t.Errorf("headline: %s", f.Headline)
	}
}

// A lock that was only good for nothing at first comes to harm when it is doubled.
func TestUnlinkedLockTwinsReplaceThePossible(t *testing.T) {
	found := play(t, unlinkedLock, End{}, `
		1      fork 1.1
		1      fork 1.2
		1      fork 1.3
		1      fork 1.4
		1.1    open L rdwr,creat = 9
		1.2    open L rdwr = 9
		1.1    flock 9 EX
		1.1    unlink L
		1.1    close 9
		1.2    flock 9 EX
		1.2    unlink L = -ENOENT
		1.2    close 9
		1.3    open L rdwr,creat = 9
		1.4    open L rdwr = 9
		1.3    flock 9 EX
		1.3    unlink L
		1.4    fork 1.4.1
		1.4.1  exec flock
		1.4.1  flock 9 EX waits
		1.3    close 9
		1.4.1  flock 9 EX
		1.4.1  exit 0
		1.2    open L rdwr,creat = 9
		1.2    flock 9 EX
		1.4    write log append "1.4"
		1.2    write log append "1.2"
	`)
	if len(found) != 1 || found[0].Evidence != Observed || found[0].Headline != "two processes held the lock on /w/L at the same time" {
		t.Fatalf("%+v", found)
	}
	if !strings.Contains(found[0].Why, "before 1.4, which had opened the file already") {
		t.Errorf("the shell that holds the lock is not named: %s", found[0].Why)
	}
	if !slices.Equal(found[0].Marks, []int{14, 15, 16, 19, 21, 23, 24}) {
		t.Errorf("marks %v", found[0].Marks)
	}
}

func TestUnlinkedLockAlone(t *testing.T) {
	for _, c := range []struct {
		name, verb string
		evidence   Evidence
		script     string
	}{
		{"worked on the file", "had deleted it, and worked on it", Observed, `
			have s "1\n"
			1    fork 1.1
			1    fork 1.2
			1.2  open s rdwr = 3              #*
			1.1  unlink s                     #*
			1.2  lock 3 WR                    #*
			1.2  read 3                       #*
			1.2  close 3
		`},
		{"two jobs alone that remove their lock file", "the lock keeps nobody out", Possible, `
			1    fork 1.1
			1    fork 1.2
			1.1  open s rdwr,creat = 3
			1.2  open s rdwr,creat = 3        #*
			1.1  flock 3 EX                   #*
			1.2  flock 3 EX waits             #*
			1.1  unlink s                     #*
			1.1  close 3
			1.2  flock 3 EX                   #*
			1.2  write log append "1.2"
			1.2  unlink s = -ENOENT           #*
			1.2  close 3
		`},
		{"replaced by rename", "had replaced it, and worked on it", Observed, `
			have s "1\n"
			have new "2\n"
			1    fork 1.1
			1    fork 1.2
			1.2  open s rdwr = 3              #*
			1.1  rename new s                 #*
			1.2  flock 3 EX                   #*
			1.2  write 3 "3\n"                #*
		`},
		{"guards something else", "the lock keeps nobody out", Possible, `
			have s
			1    fork 1.1
			1    fork 1.2
			1.2  open s rdwr = 3              #*
			1.1  unlink s                     #*
			1.2  flock 3 EX                   #*
			1.2  open other rdwr,creat = 4    #*
			1.2  close 3
		`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fires(t, unlinkedLock, End{}, "/w/s", c.script)
			if f.Evidence != c.evidence || !strings.HasSuffix(f.Headline, c.verb) {
				t.Errorf("%s: %s", f.Evidence, f.Headline)
			}
		})
	}
}

// The fstat of the descriptor alone tells nothing of the name.
func TestUnlinkedLockLooksAtTheDescriptorOnly(t *testing.T) {
	fires(t, unlinkedLock, End{}, "/w/L", `
		have L
		1    link L .L.anchor
		1    fork 1.1
		1    fork 1.2
		1.1  open L rdwr = 5          #*
		1.2  unlink L                 #*
		1.1  flock 5 EX               #*
		1.1  fstat 5
		1.1  write 5 "1101"           #*
		1.1  close 5
	`)
}

// Nor does a readlink(2) that finds no link tell which file has the name.
func TestUnlinkedLockAsksForALinkOnly(t *testing.T) {
	fires(t, unlinkedLock, End{}, "/w/L", `
		have L
		1    fork 1.1
		1    fork 1.2
		1.1  open L rdwr,creat = 5    #*
		1.2  unlink L                 #*
		1.2  open L rdwr,creat = 6    #*
		1.2  flock 6 EX               #*
		1.2  write log append "1.2"
		1.1  flock 5 EX               #*
		1.1  readlink L = -EINVAL
		1.1  write log append "1.1"
		1.1  close 5
	`)
}

func TestUnlinkedLockSilent(t *testing.T) {
	scripts(t, map[string]string{
		"flock(1) keeps its lock file": `
			1    fork 1.1
			1    fork 1.2
			1.1  exec flock
			1.1  open L rdonly,creat = 3
			1.1  flock 3 EX
			1.2  exec flock
			1.2  open L rdonly,creat = 3
			1.2  flock 3 EX waits
			1.1  write log append "a"
			1.1  exit 0
			1.2  flock 3 EX
			1.2  write log append "b"
			1.2  exit 0
		`,
		"the waiter compares and starts over": `
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.1  open L rdwr,creat = 9
			1.1  flock 9 EX
			1.2  open L rdwr,creat = 9
			1.2  flock 9 EX waits
			1.1  write log append "1.1"
			1.1  unlink L
			1.1  close 9
			1.2  flock 9 EX
			1.3  open L rdwr,creat = 9
			1.3  flock 9 EX
			1.2  fstat 9
			1.2  stat L
			1.2  write log append "1.2 starts over"
			1.2  close 9
			1.3  fstat 9
			1.3  stat L
			1.3  write log append "1.3"
			1.2  open L rdwr,creat = 9
			1.2  flock 9 EX waits
			1.3  unlink L
			1.3  close 9
			1.2  flock 9 EX
			1.2  fstat 9
			1.2  stat L = -ENOENT
			1.2  close 9
		`,
		"the second one goes by a second name, and lets go": `
			have x
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.1  open L rdonly,creat = 5
			1.1  flock 5 EX
			1.1  stat L
			1.1  link L .L.anchor
			1.1  stat .L.anchor
			1.1  open counter rdwr,creat = 6
			1.3  rename x L
			1.2  open L rdonly = 5
			1.2  fstat 5
			1.2  flock 5 EX
			1.2  stat .L.anchor
			1.1  write 6 "1"
			1.2  flock 5 UN
			1.2  close 5
			1.2  open L rdonly = 5
			1.2  open .L.anchor rdonly = 7
			1.2  flock 5 EX
			1.2  flock 7 EX = -EAGAIN
			1.2  flock 5 UN
			1.1  write 6 "2"
			1.1  close 5
		`,
		"the late one goes by a second name while another finds out": `
			have L
			have x
			1    link L .L.anchor
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.1  open L rdonly = 5
			1.3  rename x L
			1.2  open L rdonly = 5
			1.2  flock 5 EX
			1.1  flock 5 EX
			1.1  stat .L.anchor
			1.2  stat .L.anchor
			1.1  write counter "1"
			1.2  close 5
			1.1  close 5
		`,
		"found by its second name, and used": `
			have L
			1    link L .L.anchor
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr = 5
			1.2  unlink L
			1.1  flock 5 EX
			1.1  stat .L.anchor
			1.1  read 5
			1.1  write 5 "1101"
			1.1  close 5
		`,
		"removes the file of the next one, and puts it back": `
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.1  open L rdwr,creat = 9
			1.1  flock 9 EX
			1.1  write log append "1.1"
			1.1  stat L
			1.3  unlink L
			1.2  open L rdwr,creat = 9
			1.2  flock 9 EX
			1.2  write log append "1.2"
			1.1  rename L .L.anchor
			1.1  stat .L.anchor
			1.1  link .L.anchor L
			1.1  close 9
		`,
		"somebody looks by trying": `
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr,creat = 9
			1.1  flock 9 EX
			1.1  unlink L
			1.2  open L rdwr,creat = 9
			1.2  flock 9 EX
			1.2  flock 9 UN
			1.1  write log append "1.1"
			1.1  close 9
		`,
		"a shell compares by children": `
			1      fork 1.1
			1      fork 1.2
			1.1    open L rdwr,creat = 9
			1.2    unlink L
			1.1    flock 9 EX
			1.1    fork 1.1.1
			1.1.1  exec stat
			1.1.1  open /w/libc rdonly = -ENOENT
			1.1.1  stat L = -ENOENT
			1.1.1  exit 1
			1.1    wait 1.1.1
			1.1    close 9
		`,
		"removes the file last, before it lets go": `
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr,creat = 9
			1.1  flock 9 EX
			1.1  write log append "1.1"
			1.1  unlink L
			1.2  open L rdwr,creat = 9
			1.2  flock 9 EX
			1.2  write log append "1.2"
			1.1  close 9
			1.1  exit 0
		`,
		"lets go at once": `
			have s
			1    fork 1.1
			1    fork 1.2
			1.2  open s rdwr = 3
			1.1  unlink s
			1.2  flock 3 EX
			1.2  flock 3 UN
			1.2  exit 1
		`,
		"a lock file that nobody is to find": `
			1    open mutex rdwr,creat,excl = 3
			1    unlink mutex
			1    fork 1.1
			1    fork 1.2
			1.1  lock 3 WR
			1.1  write log append "1.1"
			1.2  lock 3 WR waits
			1.1  lock 3 UN
			1.2  lock 3 WR
			1.2  write log append "1.2"
		`,
		"was told that the file is gone": `
			have s
			1    pipe 5 6
			1    fork 1.1
			1    fork 1.2
			1.2  open s rdwr = 3
			1.1  unlink s
			1.1  write 6 "gone"
			1.2  read 5
			1.2  flock 3 EX
			1.2  write 3 "x"
		`,
		"moved away and back": `
			have s
			1    fork 1.1
			1    fork 1.2
			1.2  open s rdwr = 3
			1.1  rename s t
			1.1  rename t s
			1.2  flock 3 EX
			1.2  write 3 "x"
		`,
	}, mute(unlinkedLock, End{Failed: true}))
}
