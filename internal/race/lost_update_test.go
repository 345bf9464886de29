package race

import (
	"testing"

	"filerace/internal/op"
)

// Two sed -i: read, write a temporary file, rename it over.
const twoEdits = `
	have conf "a=0\nb=0\n"
	1    fork 1.1
	1    fork 1.2
	1.1  open conf rdonly = 3
	1.1  read 3                          #*
	1.1  read 3 = 0
	1.1  open sedA rdwr,creat,excl = 4
	1.1  write 4 "a=1\nb=0\n"
	1.2  open conf rdonly = 3
	1.2  read 3
	1.2  open sedB rdwr,creat,excl = 4
	1.2  write 4 "a=0\nb=1\n"
	1.2  rename sedB conf                #*
	1.1  read 3 = 0
	1.1  rename sedA conf                #*
	1.1  exit 0
	1.2  exit 0
`

func TestLostUpdate(t *testing.T) {
	scripts(t, map[string]string{
		"rename": twoEdits,
		"shell, read in a child": `
			have conf "5\n"
			1      fork 1.1
			1      fork 1.2
			1.1    pipe 3 4
			1.1    fork 1.1.1
			1.1.1  open conf rdonly = 5
			1.1.1  read 5                    #*
			1.1.1  write 4 "5\n"
			1.1.1  exit 0
			1.1    wait 1.1.1
			1.1    read 3
			1.2    open conf wronly,creat,trunc = 5
			1.2    write 5 "77\n"            #*
			1.2    close 5
			1.1    open conf wronly,creat,trunc = 5  #*
			1.1    write 5 "6\n"             #*
			1.1    close 5
		`,
		"in pieces": `
			have conf ""
			1    write conf "one\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open conf rdonly = 4
			1.1  read 4                      #*
			1.2  open conf wronly,trunc = 3
			1.2  write 3 "two\n"             #*
			1.1  open conf wronly,trunc = 3  #*
			1.1  write 3 "t"                 #*
			1.1  write 3 "en\n"
			1.1  close 3
		`,
		"in place": `
			have conf "5555"
			1    fork 1.1
			1    fork 1.2
			1.1  open conf rdwr = 3
			1.1  read 3                      #*
			1.2  open conf rdwr = 3
			1.2  pwrite 3 0 "6666"           #*
			1.1  pwrite 3 0 "7777"           #*
		`,
		"an appended record": `
			have conf "one\n"
			1    fork 1.1
			1    fork 1.2
			1.1  read conf                   #*
			1.2  write conf append "two\n"   #*
			1.1  open new wronly,creat,excl = 3
			1.1  write 3 "ONE\n"
			1.1  rename new conf             #*
		`,
		"cut to nothing": `
			have conf "one\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open conf rdonly = 4
			1.1  read 4                      #*
			1.2  open conf wronly,trunc = 3
			1.2  write 3 "two\n"             #*
			1.1  open conf wronly,trunc = 3  #*
			1.1  close 3
		`,
	}, func(t *testing.T, script string) {
		if f := fires(t, lostUpdate, End{}, "/w/conf", script); f.Evidence != Observed || f.Explains {
			t.Errorf("evidence %s, explains %v", f.Evidence, f.Explains)
		}
	})
}

func TestLostUpdateNames(t *testing.T) {
	f := fires(t, lostUpdate, End{}, "/w/conf", twoEdits)
	if len(f.Actors) != 2 || f.Actors[0] != "1.1" || f.Actors[1] != "1.2" || len(f.Paths) != 1 || f.Paths[0] != "/w/sedA" {
		t.Errorf("actors %v, further paths %v", f.Actors, f.Paths)
	}
}

const equalCounts = `
	have n "5\n"
	1    fork 1.1
	1    fork 1.2
	1.1  open n rdonly = 3
	1.1  read 3                          #*
	1.2  open n wronly,trunc = 3
	1.2  write 3 "6\n"                   #*
	1.2  close 3
	1.1  open n wronly,trunc = 4         #*
	1.1  write 4 "6\n"
	1.1  close 4
`

// Both counted from 5 to 6. Only the outcome tells whether that was wrong.
func TestLostUpdateOfEqualBytes(t *testing.T) {
	silent(t, lostUpdate, End{}, equalCounts)
	if f := fires(t, lostUpdate, End{Failed: true}, "/w/n", equalCounts); !f.Explains {
		t.Error("does not explain the failure")
	}
}

// Both read a number and wrote the next one: a count is lost, whatever the outcome says.
func TestLostUpdateOfCounts(t *testing.T) {
	scripts(t, map[string]string{
		"shells": `
			1      write n "5\n"
			1      fork 1.1
			1      fork 1.2
			1.1    pipe 3 4
			1.1    fork 1.1.1
			1.1.1  open n rdonly = 5
			1.1.1  read 5                      #*
			1.1.1  read 5 = 0
			1.1.1  write 4 "5\n"
			1.1.1  exit 0
			1.1    read 3
			1.1    wait 1.1.1
			1.2    read n
			1.2    open n wronly,creat,trunc = 5
			1.2    write 5 "6\n"               #*
			1.2    close 5
			1.1    open n wronly,creat,trunc = 5  #*
			1.1    write 5 "6\n"
			1.1    close 5
		`,
		"renamed over": `
			1    write n "17"
			1    fork 1.1
			1    fork 1.2
			1.1  read n                        #*
			1.2  read n
			1.1  write n.1 "16"
			1.2  write n.2 "16"
			1.2  rename n.2 n                  #*
			1.1  rename n.1 n                  #*
		`,
		"in place": `
			1    open n rdwr,creat = 3
			1    write 3 "9"
			1    fork 1.1
			1    fork 1.2
			1.1  pread 3 0 8                   #*
			1.2  pread 3 0 8
			1.2  pwrite 3 0 "8"                #*
			1.1  pwrite 3 0 "8"                #*
		`,
	}, func(t *testing.T, script string) {
		t.Helper()
		fires(t, lostUpdate, End{}, "/w/n", script)
	})
}

func TestLostUpdateOfEqualBytesThatCountNothing(t *testing.T) {
	scripts(t, map[string]string{
		"both brought a setting up to date": `
			1    write n "30\n"
			1    fork 1.1
			1    fork 1.2
			1.1  read n
			1.2  read n
			1.2  write n trunc "60\n"
			1.1  write n trunc "60\n"
		`,
		"both wrote the same, one in pieces": `
			1    write n "old\n"
			1    fork 1.1
			1    fork 1.2
			1.1  read n
			1.2  read n
			1.2  write n trunc "new\n"
			1.1  open n wronly,trunc = 3
			1.1  write 3 "ne"
			1.1  write 3 "w\n"
			1.1  close 3
		`,
		"one counted, one had set the number": `
			1    write n "5\n"
			1    fork 1.1
			1    fork 1.2
			1.1  read n
			1.2  write n trunc "6\n"
			1.1  write n trunc "6\n"
		`,
	}, mute(lostUpdate, End{}))
}

func TestCounted(t *testing.T) {
	imprint := func(text string) imprint {
		var o op.Op
		o.SetSums([]byte(text))
		return imprint{o.Sum, o.Next}
	}
	for _, c := range []struct {
		was, is string
		want    bool
	}{
		{"5\n", "6\n", true},
		{" 9", "10", true},
		{"-1", "-2", true},
		{"99", "98", true},
		{"\x00\x00\x00\xff", "\x00\x00\x01\x00", true}, // big-endian
		{"\xff\x00", "\x00\x01", true},                 // little-endian
		{"\x01\x00\x00\x00\x00\x00\x00\x00", "\x02\x00\x00\x00\x00\x00\x00\x00", true},
		{"5\n", "5\n", false},
		{"5\n", "7\n", false}, // may be a setting
		{"1700000000", "1700000060", false},
		{"off", "on", false},
		{"aa", "ab", false},
		{"", "1", false},
		{"\x01", "\x02", false},
		{"\x01\x00", "\x02\x00\x00\x00", false},
		{"9223372036854775808", "9223372036854775809", false},
	} {
		if got := counted(imprint(c.was), imprint(c.is)); got != c.want {
			t.Errorf("counted(%q, %q) = %v", c.was, c.is, got)
		}
	}
}

func TestLostUpdateSilent(t *testing.T) {
	scripts(t, map[string]string{
		"under a lock": `
			have conf "5\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr,creat = 9
			1.1  flock 9 EX
			1.2  open L rdwr,creat = 9
			1.2  flock 9 EX waits
			1.1  read conf
			1.1  write conf trunc "6\n"
			1.1  close 9
			1.2  flock 9 EX
			1.2  read conf
			1.2  write conf trunc "7\n"
		`,
		"read again": `
			have conf "5\n"
			1    fork 1.1
			1    fork 1.2
			1.1  read conf
			1.2  write conf trunc "66\n"
			1.1  read conf
			1.1  write conf trunc "7\n"
		`,
		"never read": `
			have conf "5\n"
			1    fork 1.1
			1    fork 1.2
			1.1  write conf trunc "66\n"
			1.2  write conf trunc "7\n"
		`,
		"appended": `
			have log "5\n"
			1    fork 1.1
			1    fork 1.2
			1.1  read log
			1.2  write log append "66\n"
			1.1  write log append "7\n"
		`,
		"copied and emptied: truncated-away": `
			have log "5\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open log rdwr = 3
			1.1  read 3
			1.2  write log append "66\n"
			1.1  ftruncate 3 0
			1.1  close 3
		`,
		"read only": `
			have conf "5\n"
			1    fork 1.1
			1    fork 1.2
			1.1  read conf
			1.2  open new wronly,creat,excl = 3
			1.2  write 3 "6\n"
			1.2  rename new conf
			1.1  read conf
		`,
		"one after the other": `
			have conf "5\n"
			1    read conf
			1    fork 1.1
			1.1  write conf trunc "66\n"
			1.1  exit 0
			1    wait 1.1
			1    write conf trunc "7\n"
		`,
		"the file that was read gets its name back": `
			have L
			1    link L .L.anchor
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.1  open L rdwr = 5
			1.3  unlink L
			1.1  read 5
			1.1  ftruncate 5 0
			1.1  write 5 "1101\n"
			1.2  link .L.anchor L
			1.1  ftruncate 5 0
			1.1  write 5 "0\n"
		`,
	}, mute(lostUpdate, End{Failed: true}))
}
