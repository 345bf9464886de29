//go:build unix && !linux

package litmus

import "runtime"

// fileSystem: what a directory is on is told by each system in its own way.
func fileSystem(string) FileSystem { return FileSystem{Type: "unknown"} }

func system() string { return runtime.GOOS + " " + runtime.GOARCH }
