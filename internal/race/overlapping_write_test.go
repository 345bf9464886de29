package race

import "testing"

func TestOverlappingWrite(t *testing.T) {
	scripts(t, map[string]string{
		"one record": `
			have f "aaaabbbb"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.2  open f rdwr = 3
			1.1  pwrite 3 4 "1111"           #*
			1.2  pwrite 3 4 "2222"           #*
		`,
		"read before the other wrote": `
			have f "100"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.2  open f rdwr = 3
			1.2  read 3 3
			1.1  pwrite 3 0 "101"            #*
			1.2  pwrite 3 0 "111"            #*
		`,
		"two rewrites that mix": `
			1    fork 1.1
			1    fork 1.2
			1.1  open f wronly,creat,trunc = 3
			1.2  open f wronly,creat,trunc = 3
			1.1  write 3 "a long line\n"     #*
			1.2  write 3 "short\n"           #*
			1.1  close 3
			1.2  close 3
		`,
	}, func(t *testing.T, script string) {
		t.Helper()
		fires(t, overlappingWrite, End{}, "/w/f", script)
	})
}

func TestOverlappingWriteSilent(t *testing.T) {
	scripts(t, map[string]string{
		"the last rewrite covers all": `
			1    fork 1.1
			1    fork 1.2
			1.1  open f wronly,creat,trunc = 3
			1.2  open f wronly,creat,trunc = 3
			1.1  write 3 "short\n"
			1.2  write 3 "a long line\n"
			1.1  close 3
			1.2  close 3
		`,
		"a child's rewrite covers its parent's": `
			1    fork 1.1
			1    open f wronly,creat,trunc = 3
			1.1  open f wronly,creat,trunc = 3
			1    write 3 "short\n"
			1.1  write 3 "a long line\n"
			1    close 3
			1.1  close 3
		`,
		"what the other wrote was read first": `
			have n "100"
			1    fork 1.1
			1    fork 1.2
			1.1  open n rdwr = 3
			1.1  read 3 3
			1.1  pwrite 3 0 "101"
			1.2  open n rdwr = 3
			1.2  read 3 3
			1.2  pwrite 3 0 "111"
		`,
		"the same bytes": `
			have f "aaaabbbb"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.2  open f rdwr = 3
			1.1  pwrite 3 4 "1111"
			1.2  pwrite 3 4 "1111"
		`,
		"side by side": `
			have f "aaaabbbb"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.2  open f rdwr = 3
			1.1  pwrite 3 0 "1111"
			1.2  pwrite 3 4 "2222"
		`,
		"under record locks": `
			have f "aaaabbbb"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdwr = 3
			1.2  open f rdwr = 3
			1.1  lock 3 WR 4 8
			1.1  pwrite 3 4 "1111"
			1.1  lock 3 UN 4 8
			1.2  lock 3 WR 4 8
			1.2  pwrite 3 4 "2222"
			1.2  lock 3 UN 4 8
		`,
		"a pipe": `
			1    pipe 3 4
			1    fork 1.1
			1    fork 1.2
			1.1  write 4 "1111"
			1.2  write 4 "2222"
		`,
		"appended": `
			1    fork 1.1
			1    fork 1.2
			1.1  write f append "1111"
			1.2  write f append "2222"
		`,
	}, mute(overlappingWrite, End{Failed: true}))
}
