package race

import "testing"

func TestLockMismatch(t *testing.T) {
	scripts(t, map[string]string{
		"a write to the file": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.2  open f rdwr = 3
			1.1  flock 3 EX              #*
			1.2  lock 3 WR               #*
			1.1  pwrite 3 0 "1\n"        #*
			1.1  close 3
		`,
		"a file that both guard by it": `
			have f
			have data "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.2  open f rdwr = 3
			1.1  ofdlock 3 WR            #*
			1.2  flock 3 SH              #*
			1.1  open data rdwr = 4
			1.2  open data rdonly = 4
			1.1  pwrite 4 0 "1\n"        #*
			1.2  read 4                  #*
		`,
	}, func(t *testing.T, script string) {
		t.Helper()
		if f := fires(t, lockMismatch, End{}, "/w/f", script); f.Evidence != Observed {
			t.Errorf("evidence %s", f.Evidence)
		}
	})
}

func TestLockMismatchSilent(t *testing.T) {
	scripts(t, map[string]string{
		"one after the other": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.2  open f rdwr = 3
			1.1  flock 3 EX
			1.1  pwrite 3 0 "1\n"
			1.1  flock 3 UN
			1.2  lock 3 WR
			1.2  pwrite 3 0 "2\n"
		`,
		"both read": `
			have f "0\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.2  open f rdwr = 3
			1.1  flock 3 SH
			1.2  lock 3 RD
			1.1  read 3
			1.2  read 3
		`,
		"mailers take both": `
			have mbox "m\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open mbox rdwr = 3
			1.2  open mbox rdwr = 3
			1.1  flock 3 EX
			1.1  lock 3 WR
			1.1  pwrite 3 2 "a\n"
			1.1  flock 3 UN
			1.2  flock 3 EX
			1.2  lock 3 WR waits
			1.1  pwrite 3 4 "b\n"
			1.1  lock 3 UN
			1.2  lock 3 WR
			1.2  pwrite 3 6 "c\n"
		`,
		"flock db sqlite3 db": `
			have db "0\n"
			1    open db rdonly = 3
			1    flock 3 EX
			1    fork 1.1
			1.1  close 3
			1.1  open db rdwr = 4
			1.1  lock 4 WR
			1.1  pwrite 4 0 "1\n"
			1.1  exit 0
			1    wait 1.1
		`,
		"other bytes": `
			have f "0123456789"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.2  open f rdwr = 3
			1.1  lock 3 WR 0 5
			1.2  lock 3 WR 5 10
			1.1  pwrite 3 0 "x"
			1.2  pwrite 3 5 "x"
		`,
	}, mute(lockMismatch, End{Failed: true}))
}
