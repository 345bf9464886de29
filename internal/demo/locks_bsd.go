//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package demo

// Leases and locks of open file descriptions are Linux's.
var locks = []string{"flock", "lockf", "fcntl"}

const setOFDLockWait = -1

func openLeased(*caller, string) int { panic("no leases here") }
