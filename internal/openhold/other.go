//go:build !linux

package openhold

import "fmt"

// Watcher holds opens; only Linux has what it takes.
type Watcher struct{ Opens <-chan *Open }

type heldOpen struct{}

// Watch returns ErrUnsupported: permission events need Linux.
func Watch(func(*Open) bool, ...string) (*Watcher, error) { return nil, unsupported("fanotify") }

// WatchMount returns ErrUnsupported: permission events need Linux.
func WatchMount(func(*Open) bool, string) (*Watcher, error) { return nil, unsupported("fanotify") }

// Pids is a hold of the opens of some processes.
func Pids(...int) func(*Open) bool { return func(*Open) bool { return false } }

// Add watches one more directory.
func (*Watcher) Add(string) error { return ErrUnsupported }

// Close stops watching.
func (*Watcher) Close() error { return nil }

// Allow lets the open go on.
func (*Open) Allow() error { return ErrUnsupported }

// Deny makes the open fail.
func (*Open) Deny() error { return ErrUnsupported }

// Lease holds the opens of one file; only Linux has leases.
type Lease struct{}

// TakeLease returns ErrUnsupported: leases need Linux.
func TakeLease(string) (*Lease, error) { return nil, unsupported("leases") }

// Wanted tells that somebody opens the file.
func (*Lease) Wanted() <-chan struct{} { return nil }

// Release gives the lease back.
func (*Lease) Release() error { return nil }

func unsupported(what string) error { return fmt.Errorf("%w: %s needs Linux", ErrUnsupported, what) }
