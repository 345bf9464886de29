package worldtest

import (
	"syscall"
	"testing"

	"filerace/internal/op"
)

// The script of the lock file that is removed on release, as the package's users write it.
func TestOpsOfALockFile(t *testing.T) {
	ops := Ops(t, `
		have log "old\n"
		1    fork 1.1
		1    fork 1.2
		1.1  open L rdwr,creat = 9
		1.1  flock 9 EX
		1.2  open L rdwr,creat = 9
		1.2  flock 9 EX waits
		1.1  write log append "in"   # three operations
		1.1  unlink L
		1.1  close 9
		1.2  flock 9 EX
		1.2  exit 3
		1    wait 1.2
	`)
	if len(ops) != 14 {
		t.Fatalf("%d operations, want 14", len(ops))
	}
	for i, o := range ops {
		if o.Seq != i+1 || o.PID == 0 || o.TID == 0 || o.Prog != "sh" {
			t.Errorf("op %d: Seq %d PID %d TID %d Prog %q", i+1, o.Seq, o.PID, o.TID, o.Prog)
		}
		if o.Call == nil || o.Call.Kind != o.Kind {
			t.Errorf("op %d of kind %d: row %+v of the table", o.Seq, o.Kind, o.Call)
		}
	}
	made, met := ops[2], ops[4]
	if n := made.Names[0]; !n.Before.IsZero() || n.After.IsZero() || n.Path != "/w/L" || n.Base != "L" {
		t.Errorf("the creating open's name: %+v", n)
	}
	if n := met.Names[0]; n.Before != made.Names[0].After || n.After != n.Before || met.File.ID != n.After {
		t.Errorf("the second open's name: %+v, file %+v", n, met.File)
	}
	if o := ops[5]; !o.Waits || o.Done || o.Lock.Mode != op.Exclusive || !o.Lock.Wait {
		t.Errorf("the lock that waits: %+v", o)
	}
	if o := ops[7]; string(o.Data) != "in" || o.Sum == 0 || o.Ret != 2 || o.Off != op.None {
		t.Errorf("the write: %+v", o)
	}
	if n := ops[9].Names[0]; n.Before != met.File.ID || !n.After.IsZero() || n.Nlink != 0 {
		t.Errorf("the unlink's name: %+v", n)
	}
	if o := ops[13]; o.Child != "1.2" || o.Status != 3 {
		t.Errorf("the wait: %+v", o)
	}
}

func TestContents(t *testing.T) {
	ops := Ops(t, `
		have f "0123456789"
		1 open f rdwr = 3
		1 read 3 4 = 4
		1 fork 1.1
		1.1 read 3 4 = 4         # the offset is shared
		1 seek 3 -1 end = 9
		1 read 3 = 1
		1 pwrite 3 12 "x"
		1 fstat 3
		1 ftruncate 3 2
		1 pread 3 0 100 = 2
		1 dup 3 = 7
		1 dup2 3 8
		1 close 7
		1 pipe 4 5
		1 write 5 "abc"
		1.1 open f wronly,append
		1.1 write 4 "zz"
		1 read 4 2 = 2
		1 open f rdonly,trunc
	`)
	if o := ops[7]; o.File.Size != 13 {
		t.Errorf("size behind a hole: %d, want 13", o.File.Size)
	}
	if o := ops[18]; o.Names[0].Size != 4 || o.File.Size != 0 {
		t.Errorf("truncating open: from %d to %d bytes, want 4 to 0", o.Names[0].Size, o.File.Size)
	}
}

func TestNames(t *testing.T) {
	ops := Ops(t, `
		have a "A"
		have b "B"
		mkdir d
		1 open a wronly,creat,excl = -EEXIST
		1 mkdir d = -EEXIST
		1 stat none = -ENOENT
		1 open none/x rdonly = -ENOENT
		1 link a d/a
		1 rename a b
		1 stat a = -ENOENT
		1 symlink b s
		1 readlink s = 1
		1 open s rdonly
		1 rmdir d = -ENOTEMPTY
		1 rename b d/a noreplace = -EEXIST
		1 unlink d/a
		1 rmdir d
		1 chdir /
		1 stat w/b
		1 unlink w/s
		1 unlink w/s = -ENOENT
	`)
	moved := ops[5]
	from, to := moved.Names[0], moved.Names[1]
	if from.Base != "a" || !from.After.IsZero() || to.Base != "b" || to.After != from.Before || to.Before == to.After {
		t.Errorf("rename: %+v %+v", from, to)
	}
	if to.Nlink != 0 || from.Nlink != 2 {
		t.Errorf("rename leaves %d links of the target, %d of the source; want 0 and 2", to.Nlink, from.Nlink)
	}
	if o := ops[9]; o.File.ID != from.Before || o.Names[0].Path != "/w/b" {
		t.Errorf("open through a symbolic link: %+v", o)
	}
	if o := ops[3]; len(o.Names) != 0 || o.Errno() != int(syscall.ENOENT) {
		t.Errorf("a directory on the way is missing: %+v", o)
	}
}
