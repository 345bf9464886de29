package op

import "runtime"

// Arch is a processor architecture whose system call numbers the table holds.
type Arch uint8

// The architectures.
const (
	AMD64 Arch = iota
	ARM64
)

// Native is the architecture of this program. On machines that are neither it
// is AMD64, so that saved runs can still be read there.
var Native = archOf(runtime.GOARCH)

func archOf(goarch string) Arch {
	if goarch == "arm64" {
		return ARM64
	}
	return AMD64
}

func (a Arch) String() string {
	if a == ARM64 {
		return "arm64"
	}
	return "amd64"
}

// Number returns the call's number on a, None if a lacks the call.
func (a Arch) Number(c *Call) int {
	if a == ARM64 {
		return c.ARM64
	}
	return c.AMD64
}
