//go:build !linux

package saved

// kernelRelease is not asked for elsewhere: recordings are made on Linux.
func kernelRelease() string { return "" }
