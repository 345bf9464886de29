package race

import "testing"

func TestTempCollision(t *testing.T) {
	scripts(t, map[string]string{
		"the other's contents": `
			1    fork 1.1
			1    fork 1.2
			1.1  open T wronly,creat,trunc = 3  #*
			1.1  write 3 "one\n"
			1.2  open T wronly,creat,trunc = 3  #*
			1.2  write 3 "two\n"
			1.1  rename T final              #*
		`,
		"emptied before the rename": `
			1    fork 1.1
			1    fork 1.2
			1.1  open T wronly,creat,trunc = 3  #*
			1.1  write 3 "one\n"
			1.2  open T wronly,creat,trunc = 3  #*
			1.1  rename T final              #*
		`,
		"moved away": `
			1    fork 1.1
			1    fork 1.2
			1.1  open T wronly,creat,trunc = 3  #*
			1.2  open T wronly,creat,trunc = 3  #*
			1.1  write 3 "one\n"
			1.2  write 3 "one\n"
			1.2  rename T final              #*
			1.1  rename T final = -ENOENT    #*
		`,
		"a mixture": `
			1    fork 1.1
			1    fork 1.2
			1.1  open T wronly,creat,trunc = 3  #*
			1.2  open T wronly,creat,trunc = 3  #*
			1.1  write 3 "a long line\n"
			1.2  write 3 "two\n"
			1.2  rename T final              #*
		`,
		"mv in a child": `
			1      fork 1.1
			1      fork 1.2
			1.1    fork 1.1.1
			1.1.1  open T wronly,creat,trunc = 3  #*
			1.1.1  write 3 "one\n"
			1.1.1  exit 0
			1.1    wait 1.1.1
			1.2    open T wronly,creat,trunc = 3  #*
			1.2    write 3 "two\n"
			1.1    fork 1.1.2
			1.1.2  rename T final            #*
		`,
		"a scratch file": `
			1    fork 1.1
			1    fork 1.2
			1.1  open T wronly,creat,trunc = 3  #*
			1.1  write 3 "one\n"
			1.2  open T wronly,creat,trunc = 3  #*
			1.2  write 3 "two\n"
			1.1  unlink T                    #*
		`,
	}, func(t *testing.T, script string) {
		t.Helper()
		if f := fires(t, tempCollision, End{}, "/w/T", script); f.Evidence != Observed {
			t.Errorf("evidence %s", f.Evidence)
		}
	})
}

func TestTempCollisionSilent(t *testing.T) {
	scripts(t, map[string]string{
		"one after the other": `
			1    fork 1.1
			1    fork 1.2
			1.1  write T trunc "one\n"
			1.1  rename T final
			1.2  write T trunc "two\n"
			1.2  rename T final
		`,
		"names of their own": `
			1    fork 1.1
			1    fork 1.2
			1.1  open T1 wronly,creat,excl = 3
			1.1  write 3 "one\n"
			1.2  open T2 wronly,creat,excl = 3
			1.2  write 3 "two\n"
			1.1  rename T1 final
			1.2  rename T2 final
		`,
		"config.lock": `
			1    fork 1.1
			1    fork 1.2
			1.1  open T wronly,creat,excl = 3
			1.2  open T wronly,creat,excl = -EEXIST
			1.1  write 3 "one\n"
			1.1  rename T config
			1.2  open T wronly,creat,excl = 3
			1.2  write 3 "two\n"
			1.2  rename T config
		`,
		"the same contents": `
			1    fork 1.1
			1    fork 1.2
			1.1  open T wronly,creat,trunc = 3
			1.1  write 3 "one\n"
			1.2  open T wronly,creat,trunc = 3
			1.2  write 3 "one\n"
			1.1  rename T final
		`,
		"a log that is put away later": `
			1    fork 1.1
			1    fork 1.2
			1.1  write log trunc "one\n"
			1.2  write log trunc "two\n"
			1.1  exit 0
			1.2  exit 0
			1    wait 1.1
			1    wait 1.2
			1    rename log log.1
		`,
		"under a lock": `
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr,creat = 9
			1.2  open L rdwr,creat = 9
			1.1  flock 9 EX
			1.1  write T trunc "one\n"
			1.1  unlink T
			1.1  flock 9 UN
			1.2  flock 9 EX
			1.2  write T trunc "two\n"
			1.2  unlink T
		`,
	}, mute(tempCollision, End{Failed: true}))
}
