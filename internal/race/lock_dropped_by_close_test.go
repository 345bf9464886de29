package race

import "testing"

func TestLockDroppedByClose(t *testing.T) {
	for _, c := range []struct {
		name     string
		evidence Evidence
		script   string
	}{
		{"another got the lock", Observed, `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  lock 3 WR               #*
			1.1  open f rdonly = 4
			1.1  close 4                 #*
			1.2  open f rdwr = 3
			1.2  lock 3 WR               #*
			1.1  pwrite 3 0 "1\n"        #*
		`},
		{"another wrote, seen when it unlocks", Observed, `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  lock 3 WR               #*
			1.1  open f rdonly = 4
			1.1  close 4                 #*
			1.2  open f rdwr = 3
			1.2  pwrite 3 0 "2\n"        #*
			1.1  lock 3 UN               #*
		`},
		{"nobody came", Possible, `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  lock 3 WR               #*
			1.1  dup 3 = 4
			1.1  close 4                 #*
			1.1  pwrite 3 0 "1\n"        #*
			1.1  exit 0
		`},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := play(t, lockDroppedByClose, End{}, c.script)
			if len(found) != 1 || found[0].Evidence != c.evidence || found[0].Path != "/w/f" {
				t.Fatalf("findings %+v, want one %s on /w/f", found, c.evidence)
			}
			if want := starred(c.script); !equalMarks(found[0].Marks, want) {
				t.Errorf("marks %v, want %v", found[0].Marks, want)
			}
		})
	}
}

func equalMarks(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestLockDroppedByCloseSilent(t *testing.T) {
	scripts(t, map[string]string{
		"SQLite closes what it kept open after its last lock": `
			have db "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open db rdwr = 3
			1.1  open db rdonly = 4
			1.1  lock 3 WR 100 101
			1.1  pwrite 3 0 "1\n"
			1.1  lock 3 UN 100 101
			1.1  close 4
			1.1  close 3
			1.2  open db rdwr = 3
			1.2  lock 3 WR 100 101
			1.2  pwrite 3 0 "2\n"
		`,
		"OFD locks stay": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  ofdlock 3 WR
			1.1  open f rdonly = 4
			1.1  close 4
			1.2  open f rdwr = 3
			1.2  ofdlock 3 WR waits
			1.1  pwrite 3 0 "1\n"
		`,
		"takes it again": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  lock 3 WR
			1.1  open f rdonly = 4
			1.1  close 4
			1.2  open f rdwr = 3
			1.2  lock 3 WR
			1.2  lock 3 UN
			1.1  lock 3 WR
			1.1  pwrite 3 0 "1\n"
		`,
		"done with the file": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  open f rdonly = 4
			1.1  lock 3 WR
			1.1  pwrite 3 0 "1\n"
			1.1  close 4
			1.2  open f rdwr = 3
			1.2  lock 3 WR
			1.1  close 3
			1.1  exit 0
		`,
	}, mute(lockDroppedByClose, End{Failed: true}))
}
