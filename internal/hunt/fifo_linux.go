package hunt

import "golang.org/x/sys/unix"

func makeFIFO(path string, perm uint32) error { return unix.Mkfifo(path, perm) }
