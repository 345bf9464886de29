package race

import "testing"

func TestLostAppend(t *testing.T) {
	scripts(t, map[string]string{
		"seek": `
			have log "head\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open log rdwr = 3
			1.1  seek 3 0 end = 5            #*
			1.2  open log wronly = 3
			1.2  seek 3 0 end = 5
			1.2  write 3 "two\n"             #*
			1.1  write 3 "one\n"             #*
		`,
		"size": `
			have log "head\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open log rdwr = 3
			1.1  fstat 3                     #*
			1.2  open log wronly,append = 3
			1.2  write 3 "two\n"             #*
			1.1  pwrite 3 5 "one\n"          #*
		`,
		"> against >>": `
			1    fork 1.1
			1    fork 1.2
			1.1  open log wronly,creat,trunc = 3  #*
			1.2  open log wronly,creat,append = 3
			1.2  write 3 "two\n"             #*
			1.1  write 3 "one\n"             #*
		`,
		"after a line of its own": `
			1    fork 1.1
			1    fork 1.2
			1.1  open log wronly,creat,trunc = 3  #*
			1.1  write 3 "one\n"
			1.2  open log wronly,creat,append = 3
			1.2  write 3 "two\n"             #*
			1.1  write 3 "three\n"           #*
		`,
	}, func(t *testing.T, script string) {
		t.Helper()
		fires(t, lostAppend, End{}, "/w/log", script)
		silent(t, overlappingWrite, End{}, script)
	})
}

func TestLostAppendSilent(t *testing.T) {
	scripts(t, map[string]string{
		"all append": `
			1    fork 1.1
			1    fork 1.2
			1.1  open log wronly,creat,append = 3
			1.2  open log wronly,creat,append = 3
			1.2  write 3 "two\n"
			1.1  write 3 "one\n"
			1.2  write 3 "two\n"
		`,
		"one description": `
			1    open log wronly,creat,trunc = 3
			1    fork 1.1
			1    fork 1.2
			1.1  write 3 "one\n"
			1.2  write 3 "two\n"
			1.1  write 3 "one\n"
		`,
		"under a lock": `
			have log "head\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open log rdwr = 3
			1.2  open log rdwr = 3
			1.1  lock 3 WR
			1.1  seek 3 0 end
			1.1  write 3 "one\n"
			1.1  lock 3 UN
			1.2  lock 3 WR
			1.2  seek 3 0 end
			1.2  write 3 "two\n"
		`,
		"both rewrite": `
			1    fork 1.1
			1    fork 1.2
			1.1  open f wronly,creat,trunc = 3
			1.2  open f wronly,creat,trunc = 3
			1.2  write 3 "two\n"
			1.1  write 3 "one\n"
		`,
		"the same bytes": `
			1    fork 1.1
			1    fork 1.2
			1.1  open log wronly,creat,trunc = 3
			1.2  write log append "two\n"
			1.1  write 3 "two\n"
		`,
	}, mute(lostAppend, End{}))
}
