package litmus

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// birthTime is when the file was made, as the file system keeps it, and its inode
// number. It asks for nothing else: since Linux 6.13 a look at the time of change makes the
// kernel read a finer clock for the next change, on file systems with multigrain
// timestamps (Documentation/filesystems/multigrain-ts.rst), and that moves the coarse
// clock on, by which the next file's birth is stamped.
func birthTime(name string) (ino uint64, mark string, err error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, name, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BTIME|unix.STATX_INO, &st); err != nil {
		return 0, "", err
	}
	if st.Mask&unix.STATX_BTIME == 0 {
		return 0, "", unix.EOPNOTSUPP
	}
	return st.Ino, fmt.Sprintf("%d.%09d", st.Btime.Sec, st.Btime.Nsec), nil
}

// getVersion is FS_IOC_GETVERSION of linux/fs.h, _IOR('v', 1, long), as amd64 and
// arm64 number it. In spite of the long it gives four bytes.
const getVersion = 2<<30 | unsafe.Sizeof(uintptr(0))<<16 | 'v'<<8 | 1

// generation is the inode's generation number.
func generation(name string) (ino uint64, mark string, err error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, "", err
	}
	defer unix.Close(fd)
	n, err := unix.IoctlGetUint32(fd, uint(getVersion))
	if err == unix.EINVAL {
		err = unix.EOPNOTSUPP
	}
	if err != nil {
		return 0, "", err
	}
	ino, err = inodeNumber(name)
	return ino, fmt.Sprintf("%#x", n), err
}

// atHandleFID asks for a handle that only identifies (AT_HANDLE_FID, Linux 6.5): file
// systems that cannot be exported have one, too.
const atHandleFID = 0x200

// fileHandle is what name_to_handle_at(2) tells a file by; on most file systems the
// inode's number and generation.
func fileHandle(name string) (ino uint64, mark string, err error) {
	h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, name, atHandleFID)
	if err == unix.EINVAL {
		h, _, err = unix.NameToHandleAt(unix.AT_FDCWD, name, 0)
	}
	if err != nil {
		return 0, "", err
	}
	ino, err = inodeNumber(name)
	return ino, fmt.Sprintf("%x", h.Bytes()), err
}
