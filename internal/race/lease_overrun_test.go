package race

import "testing"

func TestLeaseOverrun(t *testing.T) {
	scripts(t, map[string]string{
		"gives way and then writes": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  lease 3 WR              #*
			1.2  open f rdwr waits
			1.1  lease 3 UN
			1.2  open f rdwr = 3         #*
			1.1  write 3 "1\n"           #*
		`,
		"did not give way in time": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  lease 3 WR              #*
			1.2  open f rdonly waits
			1.2  open f rdonly = 3       #*
			1.1  write 3 "1\n"           #*
		`,
		"reads what the other wrote": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdonly = 3
			1.1  lease 3 RD              #*
			1.2  open f wronly waits
			1.1  lease 3 UN
			1.2  open f wronly = 3       #*
			1.2  write 3 "2\n"           #*
			1.1  read 3                  #*
		`,
	}, func(t *testing.T, script string) {
		t.Helper()
		if f := fires(t, leaseOverrun, End{}, "/w/f", script); f.Evidence != Observed {
			t.Errorf("evidence %s", f.Evidence)
		}
	})
}

func TestLeaseOverrunSilent(t *testing.T) {
	scripts(t, map[string]string{
		"writes back, then gives way": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  lease 3 WR
			1.2  open f rdwr waits
			1.1  write 3 "1\n"
			1.1  lease 3 UN
			1.2  open f rdwr = 3
			1.2  write 3 "2\n"
			1.1  close 3
		`,
		"opens it anew": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  lease 3 WR
			1.2  open f rdonly waits
			1.1  lease 3 UN
			1.2  open f rdonly = 3
			1.1  close 3
			1.1  open f rdwr = 3
			1.1  write 3 "1\n"
		`,
		"a read lease and a reader": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdonly = 3
			1.1  lease 3 RD
			1.2  open f rdonly = 3
			1.2  read 3
			1.1  read 3
		`,
		"gave it back before anybody came": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.1  lease 3 WR
			1.1  lease 3 UN
			1.2  open f rdwr = 3
			1.1  write 3 "1\n"
		`,
	}, mute(leaseOverrun, End{Failed: true}))
}
