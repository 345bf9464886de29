package probe

import (
	"fmt"
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

	RingSize int           // bytes, a power of two of at least a page; 0: 16 MiB
	For      time.Duration // end after so long; 0: never

	// NoStart leaves out the processes that are there when the watching begins.
	NoStart bool
}

const (
	defaultRing = 16 << 20
	namesMax    = 8
	nameMax     = 15
)

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
	if o.RingSize < 0 || o.RingSize&(o.RingSize-1) != 0 {
		return fmt.Errorf("a ring of %d bytes: it must be a power of two", o.RingSize)
	}
	return nil
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
