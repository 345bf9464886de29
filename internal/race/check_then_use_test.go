package race

import (
	"strings"
	"testing"
)

const checkedAndGone = `
	have f "x"
	1    fork 1.1
	1    fork 1.2
	1.1  stat f                          #*
	1.2  unlink f                        #*
	1.1  open f rdonly = -ENOENT         #*
`

func TestCheckThenUse(t *testing.T) {
	t.Run("gone", func(t *testing.T) {
		f := fires(t, checkThenUse, End{}, "/w/f", checkedAndGone+"1.1 exit 1")
		if !f.Explains {
			t.Error("does not explain the failure")
		}
	})
	t.Run("run failed", func(t *testing.T) {
		fires(t, checkThenUse, End{Failed: true}, "/w/f", checkedAndGone)
	})
	t.Run("gone for a child", func(t *testing.T) {
		fires(t, checkThenUse, End{}, "/w/f", `
			have f "x"
			1      fork 1.1
			1      fork 1.2
			1.1    stat f                    #*
			1.1    fork 1.1.1
			1.2    unlink f                  #*
			1.1.1  open f rdonly = -ENOENT   #*
			1.1.1  exit 1
		`)
	})
	for _, use := range []string{"unlink f", "rename f away", "chmod f", "truncate f 0"} {
		t.Run(use, func(t *testing.T) {
			f := fires(t, checkThenUse, End{}, "/w/f", `
				have f "x"
				have g "new"
				1    fork 1.1
				1    fork 1.2
				1.1  stat f                  #*
				1.2  rename g f              #*
				1.1  `+use+`                 #*
			`)
			if f.Explains || f.Evidence != Observed {
				t.Errorf("explains %v, evidence %s", f.Explains, f.Evidence)
			}
		})
	}
}

func TestCheckThenUseSilent(t *testing.T) {
	scripts(t, map[string]string{
		"the process ends well": checkedAndGone + "1.1 exit 0",
		"tried again": checkedAndGone + `
			1.2  write f trunc "y"
			1.1  open f rdonly = 4
			1.1  exit 1
		`,
		"reads the newer version": `
			have f "x"
			have g "new"
			1    fork 1.1
			1    fork 1.2
			1.1  stat f
			1.2  rename g f
			1.1  open f rdonly = 4
			1.1  exit 1
		`,
		"under a lock": `
			have f "x"
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr,creat = 9
			1.2  open L rdwr,creat = 9
			1.1  flock 9 EX
			1.1  stat f
			1.1  unlink f
			1.1  flock 9 UN
			1.2  flock 9 EX
			1.2  stat f = -ENOENT
			1.2  write f trunc "new"
			1.2  flock 9 UN
			1.1  flock 9 EX
			1.1  unlink f
			1.1  exit 1
		`,
		"removed by its own child": `
			have f "x"
			1    fork 1.1
			1.1  stat f
			1.1  fork 1.1.1
			1.1.1  unlink f
			1.1.1  exit 0
			1.1  wait 1.1.1
			1.1  open f rdonly = -ENOENT
			1.1  exit 1
		`,
	}, mute(checkThenUse, End{}))
}

// Renamed aside, a file can be looked at, and put back if it is another's.
func TestCheckThenUseAside(t *testing.T) {
	const aside = `
		have f
		have x
		1    fork 1.1
		1    fork 1.2
		1.1  stat f          #*
		1.2  rename x f      #*
		1.1  rename f aside  #*
		1.1  stat aside
	`
	scripts(t, map[string]string{
		"linked":  aside + "1.1 link aside f",
		"renamed": aside + "1.1 rename aside f",
	}, mute(checkThenUse, End{}))
	scripts(t, map[string]string{
		"deletes it":           aside + "1.1 unlink aside",
		"leaves it there":      aside + "1.1 exit 0",
		"has not ended":        aside,
		"is too late for it":   aside + "1.2 creat f = 3\n1.1 link aside f = -EEXIST\n1.1 unlink aside",
		"another puts it back": aside + "1.2 link aside f\n1.1 unlink aside",
	}, func(t *testing.T, script string) {
		t.Helper()
		fires(t, checkThenUse, End{}, "/w/f", script)
	})
}

// cp looks for its target and creates it exclusively if there is none.
const twoCopies = `
	1    fork 1.1
	1    fork 1.2
	1.1  stat out = -ENOENT                              #*
	1.2  stat out = -ENOENT
	1.2  open out wronly,creat,excl = 3                  #*
	1.1  open out wronly,creat,excl = -EEXIST            #*
`

func TestCheckThenUseOfATakenName(t *testing.T) {
	if f := fires(t, checkThenUse, End{Failed: true}, "/w/out", twoCopies+"1.1 exit 1"); !f.Explains {
		t.Error("does not explain the failure")
	}
	scripts(t, map[string]string{
		"copes":         twoCopies + "1.1 exit 0",
		"takes another": twoCopies + "1.1 unlink out\n1.1 open out wronly,creat,excl = 3\n1.1 exit 1",
		"did not look":  strings.Replace(twoCopies, "1.1  stat out = -ENOENT", "1.1  stat in = -ENOENT", 1) + "1.1 exit 1",
	}, mute(checkThenUse, End{Failed: true}))
	silent(t, checkThenUse, End{}, twoCopies+"1.1 exit 1") // the lock was taken, and the program said so
}
