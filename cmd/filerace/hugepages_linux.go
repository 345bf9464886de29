package main

import "golang.org/x/sys/unix"

// inHugePages asks for huge pages where the block lies (madvise(2), MADV_HUGEPAGE). Where
// the kernel has none, or gives them anyway, nothing changes.
func inHugePages(block []byte) { unix.Madvise(block, unix.MADV_HUGEPAGE) }
