//go:build unix && !linux

package safefile

import "golang.org/x/sys/unix"

const noAttribute = unix.ENOATTR

// renameExclusive: there is none here; refused is what link(2) said.
func renameExclusive(_, _ string, refused error) error { return refused }
