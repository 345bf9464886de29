package litmus

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// birthTime is when the file was made, as the file system keeps it (statx(2), stx_btime).
func birthTime(name string) (string, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, name, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BTIME, &st); err != nil {
		return "", err
	}
	if st.Mask&unix.STATX_BTIME == 0 {
		return "", unix.EOPNOTSUPP
	}
	return fmt.Sprintf("%d.%09d", st.Btime.Sec, st.Btime.Nsec), nil
}

// getVersion is FS_IOC_GETVERSION of linux/fs.h, _IOR('v', 1, long), as amd64 and
// arm64 number it. In spite of the long it gives four bytes.
const getVersion = 2<<30 | unsafe.Sizeof(uintptr(0))<<16 | 'v'<<8 | 1

// generation is the inode's generation number.
func generation(name string) (string, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	n, err := unix.IoctlGetUint32(fd, uint(getVersion))
	if err == unix.EINVAL {
		err = unix.EOPNOTSUPP
	}
	return fmt.Sprintf("%#x", n), err
}

// atHandleFID asks for a handle that only identifies (AT_HANDLE_FID, Linux 6.5): file
// systems that cannot be exported have one, too.
const atHandleFID = 0x200

// fileHandle is what name_to_handle_at(2) tells a file by; on most file systems the
// inode's number and generation.
func fileHandle(name string) (string, error) {
	h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, name, atHandleFID)
	if err == unix.EINVAL {
		h, _, err = unix.NameToHandleAt(unix.AT_FDCWD, name, 0)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Bytes()), nil
}
