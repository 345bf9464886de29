package safefile

import "golang.org/x/sys/unix"

const eftype = unix.ELOOP // Linux has no EFTYPE
