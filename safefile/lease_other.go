//go:build unix && !linux

package safefile

import "errors"

// Lease is there on Linux only; elsewhere the error wraps errors.ErrUnsupported.
func Lease(path string, exclusive bool) (*Leased, error) {
	return nil, fail("lease", path, errors.ErrUnsupported)
}
