package litmus

import "golang.org/x/sys/unix"

func renameNoReplace(from, to string) error { return unix.RenamexNp(from, to, unix.RENAME_EXCL) }

func renameExchange(a, b string) error { return unix.RenamexNp(a, b, unix.RENAME_SWAP) }

func writev(fd int, pieces [][]byte) (int, error) { return unix.Writev(fd, pieces) }

// darwin turns the cache off by fcntl F_NOCACHE, which promises less.
const flagDirect = 0
