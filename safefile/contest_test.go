//go:build unix

package safefile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A contest: processes take a lock, update a counter and read it, again and again, while they are
// killed at random and a bystander keeps deleting the lock file. Looked at are three
// things: that never two are inside, that no update that was reported as done is lost, and
// that no reader sees a part of a file or the counter going back.

// discipline is what the contenders do it with.
type discipline struct {
	lock   func(name string) (unlock func() error, err error)
	update func(name string, change func([]byte) ([]byte, error)) error
	read   func(name string) ([]byte, error)
}

var disciplines = map[string]discipline{
	"safefile": {
		lock: func(name string) (func() error, error) { return Lock(context.Background(), name) },
		update: func(name string, change func([]byte) ([]byte, error)) error {
			return Update(context.Background(), name, change, NoSync())
		},
		read: func(name string) ([]byte, error) { return ReadFile(context.Background(), name) },
	},
	// Every second holder deletes the lock file itself, as the package offers it.
	"removing": {
		lock: func(name string) (func() error, error) {
			if rand.IntN(2) == 0 {
				return Lock(context.Background(), name, RemoveAfter())
			}
			return Lock(context.Background(), name)
		},
		update: nothingToUpdate, read: nothingToRead,
	},
	// Without its anchor the lock does not bear deletion while it is held.
	"bare": {
		lock:   func(name string) (func() error, error) { return Lock(context.Background(), name, Bare()) },
		update: nothingToUpdate, read: nothingToRead,
	},
	// What programs do with gofrs/flock: open, flock, and delete before unlocking.
	"flock and remove": {lock: flockAndRemove, update: nothingToUpdate, read: nothingToRead},
	// Read, change and write with the functions that everybody has.
	"os.WriteFile": {
		lock:   func(string) (func() error, error) { return func() error { return nil }, nil },
		update: rewrite, read: os.ReadFile,
	},
}

func flockAndRemove(name string) (func() error, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := again(func() error { return unix.Flock(fd, unix.LOCK_EX) }); err != nil {
		return nil, err
	}
	return func() error { os.Remove(name); return unix.Close(fd) }, nil
}

func nothingToUpdate(string, func([]byte) ([]byte, error)) error { return nil }

func nothingToRead(string) ([]byte, error) { return nil, fs.ErrNotExist }

func rewrite(name string, change func([]byte) ([]byte, error)) error {
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, err := change(old)
	if err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o666)
}

// contenderRole: contender DIR DISCIPLINE NUMBER ROUNDS. What goes wrong is said; what was done is
// in the file done, one number for each contender, so that whoever takes over from a
// killed one goes on there.
func contenderRole(args []string) {
	dir, d := args[0], disciplines[args[1]]
	number, _ := strconv.Atoi(args[2])
	rounds, _ := strconv.Atoi(args[3])
	c := &contender{lockFile: filepath.Join(dir, "lock"), counter: filepath.Join(dir, "counter"), slot: int64(8 * number)}
	for _, f := range []struct {
		name string
		fd   *int
	}{{"inside", &c.inside}, {"done", &c.done}} {
		fd, err := unix.Open(filepath.Join(dir, f.name), unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o666)
		orDie(err)
		*f.fd = fd
	}
	for done := c.get(c.done, c.slot); done < uint64(rounds); {
		orDie(c.visit(d))
		orDie(d.update(c.counter, c.increase))
		done++
		c.put(c.done, c.slot, done)
		c.look(d)
	}
	say("ready")
}

type contender struct {
	lockFile, counter string
	inside, done      int // descriptors
	slot              int64
	seen              uint64
}

func (c *contender) get(fd int, at int64) uint64 {
	var b [8]byte
	_, err := unix.Pread(fd, b[:], at)
	orDie(err)
	return binary.BigEndian.Uint64(b[:])
}

func (c *contender) put(fd int, at int64, v uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], v)
	_, err := unix.Pwrite(fd, b[:], at)
	orDie(err)
}

// visit goes inside and looks whether somebody else is there.
func (c *contender) visit(d discipline) error {
	unlock, err := d.lock(c.lockFile)
	if err != nil {
		return err
	}
	me := uint64(os.Getpid())
	if other := c.get(c.inside, 0); other != 0 && !ending(int(other)) {
		say("two inside: %d met %d", me, other)
	}
	c.put(c.inside, 0, me)
	for range 100 {
		unix.Getppid() // time for others to come in
	}
	if other := c.get(c.inside, 0); other != me {
		say("two inside: %d came in at %d", other, me)
	}
	c.put(c.inside, 0, 0)
	return unlock()
}

// ending tells whether a process is dead or about to be: the kernel sets PF_EXITING before it
// closes the descriptors, and thereby frees the locks, of a killed process.
func ending(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	flags, _ := strconv.Atoi(f[6])
	const exiting = 4
	return flags&exiting != 0 || f[0] == "Z" || f[0] == "X"
}

// width is how often the counter stands in its file: enough for a reader to meet it half written.
const width = 2000

func (c *contender) increase(old []byte) ([]byte, error) {
	n, err := parseCounter(old)
	if err != nil {
		say("torn: %v", err)
	}
	return bytes.Repeat(fmt.Appendf(nil, "%d\n", n+1), width), nil
}

func parseCounter(b []byte) (n uint64, err error) {
	if b == nil {
		return 0, nil
	}
	first, _, _ := bytes.Cut(b, []byte("\n"))
	n, err = strconv.ParseUint(string(first), 10, 64)
	if err == nil && !bytes.Equal(b, bytes.Repeat(fmt.Appendf(nil, "%d\n", n), width)) {
		err = fmt.Errorf("%d bytes that begin with %d", len(b), n)
	}
	return n, err
}

func (c *contender) look(d discipline) {
	b, err := d.read(c.counter)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	orDie(err)
	n, err := parseCounter(b)
	switch {
	case err != nil:
		say("torn: %v", err)
	case n < c.seen:
		say("back: %d after %d", n, c.seen)
	}
	c.seen = max(c.seen, n)
}

// bystanderRole keeps deleting the lock file: bystander FILE.
func bystanderRole(args []string) {
	go func() {
		for {
			os.Remove(args[0])
			time.Sleep(time.Duration(rand.IntN(50)) * time.Microsecond)
		}
	}()
	untilTold()
}

// outcome is what a contest showed.
type outcome struct {
	two, torn, kills int
	counter, done    uint64
}

// lost is how many updates are missing. A process that was killed may have made one more than it noted.
func (o outcome) lost() int { return int(o.done) - int(o.counter) }

// contest runs it: each process makes so many rounds, in several lives if it is killed.
func contest(t *testing.T, name string, processes, rounds, kills int, bystander bool) (o outcome) {
	dir := t.TempDir()
	if bystander {
		startRole(t, "bystander", filepath.Join(dir, "lock"))
	}
	type life struct {
		number int
		ended  error
		said   []string
	}
	ends := make(chan life)
	alive := make([]*actor, processes)
	start := func(i int) {
		a := startRole(t, "contender", dir, name, strconv.Itoa(i), strconv.Itoa(rounds))
		alive[i] = a
		go func() {
			l := life{number: i}
			for {
				s, err := a.out.ReadString('\n')
				if err != nil {
					break
				}
				l.said = append(l.said, strings.TrimSpace(s))
			}
			l.ended = a.cmd.Wait()
			ends <- l
		}()
	}
	for i := range processes {
		start(i)
	}
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for running := processes; running > 0; {
		select {
		case <-ticks.C:
			if o.kills < kills {
				alive[rand.IntN(processes)].cmd.Process.Kill()
			}
		case l := <-ends:
			o.count(t, l.said)
			status := l.ended
			switch {
			case status == nil:
				running--
			case strings.Contains(status.Error(), "killed"):
				o.kills++
				start(l.number)
			default:
				t.Fatalf("contender %d: %v", l.number, status)
			}
		}
	}
	o.total(t, dir)
	return o
}

func (o *outcome) count(t *testing.T, said []string) {
	for _, s := range said {
		switch {
		case strings.HasPrefix(s, "two"):
			o.two++
		case strings.HasPrefix(s, "torn"), strings.HasPrefix(s, "back"):
			o.torn++
		default:
			continue
		}
		if o.two+o.torn < 3 {
			t.Log(s)
		}
	}
}

func (o *outcome) total(t *testing.T, dir string) {
	b, err := os.ReadFile(filepath.Join(dir, "done"))
	ok(t, err)
	for ; len(b) >= 8; b = b[8:] {
		o.done += binary.BigEndian.Uint64(b)
	}
	b, err = os.ReadFile(filepath.Join(dir, "counter"))
	if err == nil {
		o.counter, _ = parseCounter(b)
	}
	for _, left := range entries(t, dir) {
		if strings.Contains(left, ".temp-") && o.kills == 0 {
			t.Errorf("left: %s", left)
		}
	}
}

// TestContest takes part of a second by default. With SAFEFILE_LONG=1 it is the whole one: eight
// processes, a thousand rounds each, and kills all the time.
func TestContest(t *testing.T) {
	processes, rounds, kills := 8, 25, 10
	if os.Getenv("SAFEFILE_LONG") != "" {
		rounds, kills = 1000, 1<<30
	}
	if testing.Short() {
		processes, rounds, kills = 4, 15, 5
	}
	for _, name := range []string{"safefile", "removing"} {
		t.Run(name, func(t *testing.T) {
			o := contest(t, name, processes, rounds, kills, true)
			t.Logf("%+v", o)
			if o.two > 0 || o.torn > 0 || name == "safefile" && (o.lost() > 0 || -o.lost() > o.kills) {
				t.Errorf("%d met inside, %d torn reads, %d updates lost", o.two, o.torn, o.lost())
			}
			if o.done != uint64(processes*rounds) {
				t.Errorf("%d rounds", o.done)
			}
		})
	}
}

// The contest can be lost.
func TestContestBreaksOthers(t *testing.T) {
	for _, name := range []string{"bare", "flock and remove", "os.WriteFile"} {
		t.Run(name, func(t *testing.T) {
			broken := false
			for try := 0; try < 50 && !broken; try++ {
				o := contest(t, name, 4, 100, 0, name == "bare")
				t.Logf("%+v", o)
				broken = name == "os.WriteFile" && o.torn > 0 && o.lost() > 0 || name != "os.WriteFile" && o.two > 0
			}
			if !broken {
				t.Error("nothing went wrong")
			}
		})
	}
}
