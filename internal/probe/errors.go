package probe

import (
	"errors"
	"fmt"
)

// Unavailable says which feature watching lacks here. errors.As finds it in what
// Open returns.
type Unavailable struct {
	Feature string // what is missing: "the kernel has no type information (BTF)"
	Least   string // least kernel version that has it, "" if no version does
	Hint    string // what to do about it
	Err     error  // what the kernel said; may be nil
}

func (u *Unavailable) Error() string {
	s := "cannot watch: " + u.Feature
	if u.Least != "" {
		s += fmt.Sprintf(" (needs Linux %s)", u.Least)
	}
	if u.Err != nil {
		s += ": " + u.Err.Error()
	}
	return s
}

func (u *Unavailable) Unwrap() error { return u.Err }

// Is lets errors.Is(err, ErrUnavailable) hold for every Unavailable.
func (u *Unavailable) Is(target error) bool { return target == ErrUnavailable }

// ErrUnavailable: watching does not work here; see Unavailable.
var ErrUnavailable = errors.New("watching does not work here")

// leastKernel is the first version with all that the programs use: task storage for
// tracing programs (5.11), atomic operations in programs (5.12), iterators over
// files (5.8) and what CO-RE needs of them.
const leastKernel = "5.15"

// version is a kernel's major and minor number.
type version struct{ major, minor int }

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v version) less(w version) bool {
	return v.major < w.major || v.major == w.major && v.minor < w.minor
}

// parseVersion reads the beginning of a release such as 6.18.44-generic.
func parseVersion(release string) (v version, ok bool) {
	n, _ := fmt.Sscanf(release, "%d.%d", &v.major, &v.minor)
	return v, n == 2
}

// checkVersion refuses kernels that are too old. A release that cannot be read is let
// pass: loading will tell.
func checkVersion(release string) error {
	v, ok := parseVersion(release)
	least, _ := parseVersion(leastKernel)
	if !ok || !v.less(least) {
		return nil
	}
	return &Unavailable{Feature: "the kernel is too old: " + release, Least: leastKernel,
		Hint: "use --with ptrace, or a newer kernel"}
}
