package probe

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filerace/internal/op"
)

// Options say what to watch. The zero value watches every process but the watcher.
// Filters are decided in the kernel; a process must pass all that are given.
type Options struct {
	Trees  []int    // these processes and all that come of them
	PIDs   []int    // these processes alone, with their threads
	Names  []string // programs, as in /proc/PID/comm: 15 bytes; at most 8
	UID    *int     // real user id; nil: all
	Cgroup string   // directory of a cgroup (v2): its processes and those of the cgroups in it
	Calls  []string // system calls by name; none: all that the table of package op has

	// Prefix has beginnings of absolute paths, 4 at most, each 128 bytes at most. A call
	// passes if one of its paths begins with one, taken from where it starts if it is
	// relative, or if its descriptor leads to a file there. Too much passes, never too little:
	// also what leads to a prefix (/srv for /srv/app), paths with . or .. in them, what the
	// kernel cannot tell within bounds, and whatever replaces a working directory or a
	// program. Calls that have neither path nor file do not pass; births and ends do.
	// Symbolic links within a prefix count as they are when the watching begins.
	Prefix []string

	RingSize int           // bytes, a power of two of at least a page; 0: 4 to 32 MiB, by the memory that there is
	For      time.Duration // end after so long; 0: never

	// NoIdle leaves out calls of which nothing follows for others: fcntl(F_SETFL) that leaves O_APPEND as it is,
	// lseek(2) that only asks where it is, readlink(2) of what is no link, and signals that a process sends to itself, as far
	// as it is in the first pid namespace.
	NoIdle bool

	// NoStart leaves out the processes that are there when the watching begins.
	NoStart bool
}

const (
	namesMax    = 8
	nameMax     = 15
	prefixesMax = 4 // each may be two in the kernel: as given, and without symbolic links
)

// PrefixMax is how long one of Options.Prefix may be, in bytes.
const PrefixMax = 128

// check refuses what the kernel programs cannot do.
func (o *Options) check() error {
	if len(o.Names) > namesMax {
		return fmt.Errorf("watch %d programs by name: %d at most", len(o.Names), namesMax)
	}
	for _, n := range o.Names {
		if len(n) == 0 || len(n) > nameMax {
			return fmt.Errorf("watch programs named %q: the kernel keeps 1 to %d bytes of a name", n, nameMax)
		}
	}
	for _, name := range o.Calls {
		if op.Named(name) == nil {
			return fmt.Errorf("watch the call %q: the table has no such call", name)
		}
	}
	if err := o.checkPrefix(); err != nil {
		return err
	}
	if o.RingSize < 0 || o.RingSize&(o.RingSize-1) != 0 {
		return fmt.Errorf("a ring of %d bytes: it must be a power of two", o.RingSize)
	}
	return nil
}

func (o *Options) checkPrefix() error {
	if len(o.Prefix) > prefixesMax {
		return fmt.Errorf("watch %d beginnings of paths: %d at most", len(o.Prefix), prefixesMax)
	}
	for _, p := range o.Prefix {
		switch {
		case !strings.HasPrefix(p, "/"):
			return fmt.Errorf("watch paths that begin with %q: it must begin with /", p)
		case len(p) > PrefixMax:
			return fmt.Errorf("watch paths that begin with %q: %d bytes, and the limit is %d", p, len(p), PrefixMax)
		}
	}
	return nil
}

// prefixes are the beginnings of paths as the kernel programs compare them: as given,
// and as they are without symbolic links.
func (o *Options) prefixes() (all []string) {
	add := func(p string) {
		if p = p[:min(len(p), PrefixMax)]; !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	for _, p := range o.Prefix {
		add(p)
		for dir := p; dir != "/"; {
			dir = path.Dir(dir)
			real, err := filepath.EvalSymlinks(dir)
			if err != nil {
				continue
			}
			add(strings.TrimSuffix(real, "/") + "/" + strings.TrimLeft(p[len(dir):], "/"))
			break
		}
	}
	return all
}

func (o *Options) wants(c *op.Call) bool {
	if len(o.Calls) == 0 {
		return true
	}
	for _, name := range o.Calls {
		if c.Name == name {
			return true
		}
	}
	return false
}

// callsNote says which calls are watched, "" if all are.
func (o *Options) callsNote() string { return strings.Join(o.Calls, ", ") }
