package race

import "testing"

func TestTruncatedAway(t *testing.T) {
	scripts(t, map[string]string{
		"copytruncate": `
			have log "head\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open log rdwr = 3
			1.1  read 3                      #*
			1.1  read 3 = 0
			1.2  write log append "line\n"   #*
			1.1  ftruncate 3 0               #*
		`,
		"cp by a child": `
			have log "head\n"
			1      fork 1.1
			1      fork 1.2
			1.2    open log wronly,append = 3
			1.1    fork 1.1.1
			1.1.1  read log                  #*
			1.1.1  exit 0
			1.1    wait 1.1.1
			1.2    write 3 "line\n"          #*
			1.1    open log wronly,creat,trunc = 3  #*
		`,
		"> after >>": `
			1    fork 1.1
			1    fork 1.2
			1.2  write log append "two\n"    #*
			1.1  open log wronly,creat,trunc = 3  #*
		`,
	}, func(t *testing.T, script string) {
		t.Helper()
		fires(t, truncatedAway, End{}, "/w/log", script)
	})
}

func TestTruncatedAwaySilent(t *testing.T) {
	scripts(t, map[string]string{
		"seen first": `
			have log "head\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open log rdwr = 3
			1.2  write log append "line\n"
			1.1  read 3
			1.1  read 3 = 0
			1.1  ftruncate 3 0
		`,
		"> after >": `
			1    fork 1.1
			1    fork 1.2
			1.2  write f trunc "two\n"
			1.1  write f trunc "one\n"
		`,
		"emptied before the jobs start": `
			1    write log append "old\n"
			1    open log wronly,creat,trunc = 3
			1    close 3
			1    fork 1.1
			1    fork 1.2
			1.1  write log append "one\n"
			1.2  write log append "two\n"
		`,
		"under a lock": `
			have log "head\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open log rdwr = 3
			1.2  open log wronly,append = 3
			1.1  flock 3 EX
			1.1  read 3
			1.1  read 3 = 0
			1.1  ftruncate 3 0
			1.1  flock 3 UN
			1.2  flock 3 EX
			1.2  write 3 "line\n"
			1.2  flock 3 UN
			1.1  flock 3 EX
			1.1  pread 3 0 100
			1.1  ftruncate 3 0
		`,
	}, mute(truncatedAway, End{Failed: true}))
}
