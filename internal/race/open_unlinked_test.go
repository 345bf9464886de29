package race

import (
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

func TestOpenUnlinked(t *testing.T) {
	t.Run("write", func(t *testing.T) {
		f := fires(t, openUnlinked, End{}, "/w/queue", `
			have queue ""
			1    fork 1.1
			1    fork 1.2
			1.1  open queue wronly,append = 3  #*
			1.2  unlink queue                #*
			1.1  write 3 "job\n"             #*
		`)
		if f.Evidence != Observed || f.Explains {
			t.Errorf("evidence %s, explains %v", f.Evidence, f.Explains)
		}
	})
	t.Run("moved, then removed", func(t *testing.T) {
		fires(t, openUnlinked, End{}, "/w/queue", `
			have queue ""
			1    fork 1.1
			1    fork 1.2
			1.1  open queue wronly,append = 3  #*
			1.2  rename queue work
			1.2  unlink work                 #*
			1.1  write 3 "job\n"             #*
		`)
	})
	t.Run("a locked file", func(t *testing.T) {
		fires(t, openUnlinked, End{}, "/w/L", `
			1    fork 1.1
			1    fork 1.2
			1.2  open L rdwr,creat = 9
			1.2  flock 9 EX
			1.1  open L rdwr,creat = 9       #*
			1.1  flock 9 EX waits
			1.2  unlink L                    #*
			1.2  close 9
			1.1  flock 9 EX
			1.1  write 9 "11\n"              #*
		`)
	})
	t.Run("reader that fails", func(t *testing.T) {
		f := fires(t, openUnlinked, End{}, "/w/f", `
			have f "text"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdonly = 3           #*
			1.2  unlink f                    #*
			1.1  fstat 3                     #*
			1.1  exit 1
		`)
		if !f.Explains {
			t.Error("does not explain the failure")
		}
	})
}

// The kernel's lookup and open are two steps, so that an open can return a file
// that has lost its name in between.
func TestOpenReturnsNameless(t *testing.T) {
	script := `
		have f "text"
		1    open f rdonly = 3
		1    read 3
	`
	d := withRules(newOpenUnlinked())
	w := world.New()
	for _, o := range worldtest.Ops(t, script) {
		if o.Kind == op.Open {
			o.File.Nlink = 0
			o.Names[0].Nlink, o.Names[0].After = 0, op.FileID{}
		}
		w.Enter(o)
		d.Step(w, w.Apply(o))
	}
	found := d.End(w, End{})
	if len(found) != 1 || found[0].Evidence != Observed || found[0].Path != "/w/f" {
		t.Errorf("findings: %+v", found)
	}
}

func TestOpenUnlinkedSilent(t *testing.T) {
	scripts(t, map[string]string{
		"here-document": `
			1    fork 1.1
			1.1  open sh-thd rdwr,creat,excl = 3
			1.1  unlink sh-thd
			1.1  write 3 "text"
			1.1  exit 1
		`,
		"scratch file of a parent": `
			1    open scratch rdwr,creat = 3
			1    fork 1.1
			1    unlink scratch
			1.1  write 3 "text"
		`,
		"removed by a child": `
			1    open scratch rdwr,creat = 3
			1    fork 1.1
			1.1  unlink scratch
			1.1  exit 0
			1    wait 1.1
			1    write 3 "text"
			1    exit 1
		`,
		"temporary removed by a cleaner": `
			1    fork 1.1
			1    fork 1.2
			1.1  open tmpX rdwr,creat,excl = 3
			1.2  unlink tmpX
			1.1  write 3 "text"
		`,
		"reader that ends well": `
			have f "text"
			1    fork 1.1
			1    fork 1.2
			1.1  open f rdonly = 3
			1.2  unlink f
			1.1  read 3
			1.1  exit 0
		`,
		"another name is left": `
			have f "text"
			1    fork 1.1
			1    fork 1.2
			1.1  open f wronly,append = 3
			1.2  link f g
			1.2  unlink f
			1.1  write 3 "more"
			1.1  exit 1
		`,
		"under a lock": `
			have queue ""
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr,creat = 9
			1.2  open L rdwr,creat = 9
			1.1  flock 9 EX
			1.1  write queue append "job\n"
			1.1  close 9
			1.2  flock 9 EX
			1.2  unlink queue
			1.2  close 9
		`,
	}, mute(openUnlinked, End{}))
}
