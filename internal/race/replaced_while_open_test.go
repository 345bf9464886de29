package race

import "testing"

const rotated = `
	have log "x"
	1    fork 1.1
	1    fork 1.2
	1.1  open log wronly,append = 3      #*
	1.2  rename log log.1
	1.2  open log wronly,creat,excl = 3  #*
	1.1  write 3 "line\n"                #*
`

func TestReplacedWhileOpen(t *testing.T) {
	t.Run("bytes lost", func(t *testing.T) {
		f := fires(t, replacedWhileOpen, End{}, "/w/conf", `
			have conf "x"
			have new "y"
			1    fork 1.1
			1    fork 1.2
			1.1  open conf wronly,append = 3 #*
			1.2  rename new conf             #*
			1.1  write 3 "line\n"            #*
		`)
		if f.Evidence != Observed || f.Explains {
			t.Errorf("evidence %s, explains %v", f.Evidence, f.Explains)
		}
	})
	t.Run("rotated", func(t *testing.T) {
		if f := fires(t, replacedWhileOpen, End{}, "/w/log", rotated+"1.1 exit 1"); !f.Explains {
			t.Error("does not explain the failure")
		}
	})
}

func TestReplacedWhileOpenSilent(t *testing.T) {
	scripts(t, map[string]string{
		"rotated, and nobody minds": rotated + "1.1 exit 0",
		"reader": `
			have conf "x"
			have new "y"
			1    fork 1.1
			1    fork 1.2
			1.1  open conf rdonly = 3
			1.2  rename new conf
			1.1  read 3
			1.1  exit 1
		`,
		"opened again": `
			have log "x"
			1    fork 1.1
			1    fork 1.2
			1.1  open log wronly,append = 3
			1.2  rename log log.1
			1.2  open log wronly,creat,excl = 3
			1.1  close 3
			1.1  open log wronly,append = 3
			1.1  write 3 "line\n"
			1.1  exit 1
		`,
		"replaced by its own child": `
			have log "x"
			have new "y"
			1    open log wronly,append = 3
			1    fork 1.1
			1.1  rename new log
			1.1  exit 0
			1    wait 1.1
			1    write 3 "line\n"
			1    exit 1
		`,
		"under a lock": `
			have log "x"
			have new "y"
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr,creat = 9
			1.2  open L rdwr,creat = 9
			1.1  flock 9 EX
			1.1  write log append "line\n"
			1.1  flock 9 UN
			1.2  flock 9 EX
			1.2  rename new log
			1.2  flock 9 UN
			1.1  flock 9 EX
			1.1  write log append "line\n"
			1.1  exit 1
		`,
	}, mute(replacedWhileOpen, End{}))
}
