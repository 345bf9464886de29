//go:build unix

package safefile

import (
	"os"
	"sync"
)

// Leased is a lease that this process holds on an open file, until Close or until it is
// broken.
type Leased struct {
	file   *os.File
	broken chan struct{}
	once   sync.Once
	end    func() error
}

// File is the leased file.
func (l *Leased) File() *os.File { return l.file }

// Broken is closed when somebody else opens or truncates the file in a way that the lease is
// against. The other sleeps in that call until Close, at most /proc/sys/fs/lease-break-time seconds
// (45 unless changed); afterwards it is let in whether or not Close was called.
func (l *Leased) Broken() <-chan struct{} { return l.broken }

// Close gives the lease up, lets in who waits, and closes the file.
func (l *Leased) Close() (err error) {
	err = fail("unlease", l.file.Name(), ErrReleased)
	l.once.Do(func() { err = l.end() })
	return err
}
