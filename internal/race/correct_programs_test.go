package race

import (
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

// What correct programs do, two at a time, in an order that would bite if they
// were not correct. No rule may say anything, whether or not the run failed. took
// and lost count the locks granted and the names removed, so that a script that
// does nothing cannot pass.
var correctPrograms = []struct {
	name       string
	took, lost int
	script     string
}{
	{"SQLite, rollback journal", 10, 1, `
		have db "0123456789"
		1    fork 1.1
		1    fork 1.2
		1.1  open db rdwr,creat,cloexec = 3
		1.2  open db rdwr,creat,cloexec = 3
		1.2  pread 3 0 4
		1.1  lock 3 RD 1000 1001 nb
		1.1  lock 3 RD 1002 1512 nb
		1.1  lock 3 UN 1000 1001
		1.1  stat db-journal = -ENOENT
		1.1  pread 3 0 10
		1.2  lock 3 RD 1000 1001 nb
		1.2  lock 3 RD 1002 1512 nb
		1.2  lock 3 UN 1000 1001
		1.2  stat db-journal = -ENOENT
		1.1  lock 3 WR 1001 1002 nb
		1.1  open db-journal rdwr,creat,cloexec = 4
		1.1  pwrite 4 0 "0123456789"
		1.1  fsync 4
		1.2  pread 3 0 10
		1.1  lock 3 WR 1000 1001 nb
		1.1  lock 3 WR 1002 1512 nb = -EAGAIN
		1.2  lock 3 UN 1002 1512
		1.1  lock 3 WR 1002 1512 nb
		1.2  lock 3 RD 1000 1001 nb = -EAGAIN
		1.1  pwrite 3 0 "abcde"
		1.1  pwrite 3 5 "fghij"
		1.1  fsync 3
		1.1  close 4
		1.1  unlink db-journal
		1.1  lock 3 RD 1002 1512 nb
		1.1  lock 3 UN 1000 1002
		1.1  lock 3 UN
		1.2  lock 3 RD 1000 1001 nb
		1.2  lock 3 RD 1002 1512 nb
		1.2  lock 3 UN 1000 1001
		1.2  pread 3 0 10
		1.2  lock 3 UN
		1.1  exit 0
		1.2  exit 0
	`},
	{"git, the index", 0, 0, `
		have index "0"
		1    fork 1.1
		1    fork 1.2
		1.1  open index.lock rdwr,creat,excl,cloexec = 3
		1.1  open index rdonly,cloexec = 4
		1.1  read 4
		1.1  close 4
		1.2  open index.lock rdwr,creat,excl,cloexec = -EEXIST
		1.2  exit 128
		1.1  write 3 "1"
		1.1  close 3
		1.1  rename index.lock index
		1    wait 1.2
		1    fork 1.3
		1.3  open index.lock rdwr,creat,excl,cloexec = 3
		1.3  open index rdonly,cloexec = 4
		1.3  read 4
		1.3  write 3 "2"
		1.3  rename index.lock index
		1.3  exit 0
		1.1  exit 0
	`},
	{"useradd, locks by link", 0, 3, `
		have passwd "root\n"
		1    fork 1.1
		1    fork 1.2
		1.1  open passwd.11 wronly,creat,trunc = 3
		1.1  write 3 "11"
		1.1  close 3
		1.1  link passwd.11 passwd.lock
		1.1  unlink passwd.11
		1.2  open passwd.12 wronly,creat,trunc = 3
		1.2  write 3 "12"
		1.2  close 3
		1.2  link passwd.12 passwd.lock = -EEXIST
		1.2  open passwd.lock rdwr = 3
		1.2  read 3
		1.2  close 3
		1.2  kill 1.1 0
		1.2  unlink passwd.12
		1.2  exit 1
		1.1  open passwd rdonly = 3
		1.1  read 3
		1.1  open passwd+ wronly,creat,trunc = 4
		1.1  write 4 "root\nnew\n"
		1.1  close 4
		1.1  rename passwd+ passwd
		1.1  unlink passwd.lock
		1.1  exit 0
	`},
	{"flock(1), which keeps its lock file", 2, 0, `
		have n "0\n"
		1      fork 1.1
		1      fork 1.2
		1.1    exec flock
		1.1    open L rdonly,creat = 3
		1.1    flock 3 EX
		1.2    exec flock
		1.2    open L rdonly,creat = 3
		1.2    flock 3 EX waits
		1.1    fork 1.1.1
		1.1.1  open n rdonly = 4
		1.1.1  read 4
		1.1.1  close 4
		1.1.1  open n wronly,trunc = 4
		1.1.1  write 4 "1\n"
		1.1.1  exit 0
		1.1    wait 1.1.1
		1.1    exit 0
		1.2    flock 3 EX
		1.2    fork 1.2.1
		1.2.1  open n rdonly = 4
		1.2.1  read 4
		1.2.1  close 4
		1.2.1  open n wronly,trunc = 4
		1.2.1  write 4 "2\n"
		1.2.1  exit 0
		1.2    wait 1.2.1
		1.2    exit 0
	`},
	{"removes its lock file, but compares after locking", 3, 2, `
		have n "0\n"
		1    fork 1.1
		1    fork 1.2
		1.1  open L rdwr,creat = 3
		1.1  flock 3 EX
		1.1  fstat 3
		1.1  stat L
		1.2  open L rdwr,creat = 3
		1.2  flock 3 EX waits
		1.1  open n rdwr = 4
		1.1  read 4
		1.1  pwrite 4 0 "1\n"
		1.1  close 4
		1.1  unlink L
		1.1  close 3
		1.2  flock 3 EX
		1.2  fstat 3
		1.2  stat L = -ENOENT
		1.2  close 3
		1.2  open L rdwr,creat = 3
		1.2  flock 3 EX
		1.2  fstat 3
		1.2  stat L
		1.2  open n rdwr = 4
		1.2  read 4
		1.2  pwrite 4 0 "2\n"
		1.2  close 4
		1.2  unlink L
		1.2  close 3
		1.1  exit 0
		1.2  exit 0
	`},
}

func TestCorrectProgramsAreSilent(t *testing.T) {
	for _, c := range correctPrograms {
		t.Run(c.name, func(t *testing.T) {
			d := New()
			var last *world.World
			var took, lost int
			worldtest.Run(t, c.script, func(w *world.World, e *world.Effect) {
				last = w
				if e.Took != nil && e.Op.Kind == op.LockOp {
					took++
				}
				if e.Op.Kind == op.Unlink {
					lost += len(e.Removed)
				}
				d.Step(w, e)
			})
			if took != c.took || lost != c.lost {
				t.Errorf("%d locks taken, %d names removed; want %d and %d", took, lost, c.took, c.lost)
			}
			for _, f := range d.End(last, End{Failed: true, All: true}) {
				t.Errorf("false alarm: %s %s %v: %s", f.Evidence, f.Rule, f.Marks, f.Headline)
			}
		})
	}
}
