package race

import "testing"

const twoCleaners = `
	mkdir d
	have d/f1 ""
	have d/f2 ""
	1    fork 1.1
	1    fork 1.2
	1.1  open d rdonly,directory = 3
	1.1  readdir 3                       #*
	1.1  readdir 3 = 0
	1.2  open d rdonly,directory = 3
	1.2  readdir 3
	1.2  readdir 3 = 0
	1.2  unlink d/f1                     #*
	1.1  unlink d/f1 = -ENOENT           #*
	1.1  unlink d/f2
`

func TestDirectoryRace(t *testing.T) {
	t.Run("two removers", func(t *testing.T) {
		script := twoCleaners + "1.1 exit 1"
		if f := fires(t, directoryRace, End{}, "/w/d/f1", script); !f.Explains {
			t.Error("does not explain the failure")
		}
		silent(t, checkThenUse, End{}, script)
	})
	t.Run("stat of a listed entry", func(t *testing.T) {
		script := `
			mkdir d
			have d/f1 ""
			1    fork 1.1
			1    fork 1.2
			1.1  open d rdonly,directory = 3
			1.1  readdir 3                   #*
			1.2  unlink d/f1                 #*
			1.1  lstat d/f1 = -ENOENT        #*
			1.1  exit 1
		`
		fires(t, directoryRace, End{}, "/w/d/f1", script)
	})
	t.Run("listed, checked, used", func(t *testing.T) {
		script := `
			mkdir d
			have d/f1 ""
			1    fork 1.1
			1    fork 1.2
			1.1  open d rdonly,directory = 3
			1.1  readdir 3                   #*
			1.1  lstat d/f1
			1.2  unlink d/f1                 #*
			1.1  unlink d/f1 = -ENOENT       #*
			1.1  exit 1
		`
		fires(t, directoryRace, End{}, "/w/d/f1", script)
		silent(t, checkThenUse, End{}, script)
	})
	t.Run("mkdir", func(t *testing.T) {
		fires(t, directoryRace, End{}, "/w/d", `
			1    fork 1.1
			1    fork 1.2
			1.1  stat d = -ENOENT            #*
			1.2  mkdir d                     #*
			1.1  mkdir d = -EEXIST           #*
			1.1  exit 1
		`)
	})
	t.Run("rmdir", func(t *testing.T) {
		fires(t, directoryRace, End{}, "/w/d", `
			mkdir d
			1    fork 1.1
			1    fork 1.2
			1.1  open d rdonly,directory = 3
			1.1  readdir 3                   #*
			1.2  open d/new wronly,creat = 3 #*
			1.1  rmdir d = -ENOTEMPTY        #*
			1.1  exit 1
		`)
	})
}

func TestDirectoryRaceSilent(t *testing.T) {
	scripts(t, map[string]string{
		"find -ignore_readdir_race": twoCleaners + "1.1 exit 0",
		"mkdir -p": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat d = -ENOENT
			1.2  mkdir d
			1.1  mkdir d = -EEXIST
			1.1  stat d
			1.1  exit 1
		`,
		"a directory as a lock": `
			1    fork 1.1
			1    fork 1.2
			1.2  mkdir L
			1.1  mkdir L = -EEXIST
			1.1  exit 1
		`,
		"an exclusive lock file": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat L = -ENOENT
			1.2  open L wronly,creat,excl = 3
			1.1  open L wronly,creat,excl = -EEXIST
			1.1  exit 255
		`,
		"not listed": `
			mkdir d
			have d/f1 ""
			1    fork 1.1
			1    fork 1.2
			1.2  unlink d/f1
			1.1  unlink d/f1 = -ENOENT
			1.1  exit 1
		`,
		"a parent that cleans up after its child": `
			mkdir d
			have d/f1 ""
			1    fork 1.1
			1.1  open d rdonly,directory = 3
			1.1  readdir 3
			1.1  fork 1.1.1
			1.1.1  unlink d/f1
			1.1.1  exit 0
			1.1  wait 1.1.1
			1.1  lstat d/f1 = -ENOENT
			1.1  exit 1
		`,
	}, mute(directoryRace, End{}))
}
