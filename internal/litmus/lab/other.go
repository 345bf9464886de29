//go:build !linux

package lab

type ground struct{}

// Inside reports false: file systems are made on Linux only.
func Inside() bool { return false }

// Enter returns ErrUnsupported.
func Enter() (status int, err error) { return 0, ErrUnsupported }

// Build returns ErrUnsupported.
func Build([]string) (*Lab, error) { return nil, ErrUnsupported }

// Close has nothing to do.
func (*Lab) Close() error { return nil }
