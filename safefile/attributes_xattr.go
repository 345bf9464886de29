//go:build linux || darwin || freebsd || netbsd

package safefile

import (
	"strings"

	"golang.org/x/sys/unix"
)

// copyAttributes copies the extended attributes, which on Linux include ACLs.
// Capabilities are left out, as the kernel takes them from a file that is written.
// So is what is for the system to assign and only a privileged process may.
func copyAttributes(from, to int) error {
	names, err := attributeNames(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == "security.capability" {
			continue
		}
		value, err := attribute(from, name)
		if err == nil {
			err = unix.Fsetxattr(to, name, value, 0)
		}
		switch err {
		case nil, noAttribute:
		case unix.EPERM, unix.ENOTSUP:
			if strings.HasPrefix(name, "security.") || strings.HasPrefix(name, "trusted.") {
				continue
			}
			return err
		default:
			return err
		}
	}
	return nil
}

// tries is how often a list that grows while it is read is read again.
const tries = 10

func attributeNames(fd int) ([]string, error) {
	for range tries {
		n, err := unix.Flistxattr(fd, nil)
		if n == 0 || err != nil {
			if err == unix.ENOTSUP || err == unix.ENOSYS {
				err = nil
			}
			return nil, err
		}
		buf := make([]byte, n)
		n, err = unix.Flistxattr(fd, buf)
		if err == unix.ERANGE {
			continue
		}
		return strings.FieldsFunc(string(buf[:max(n, 0)]), func(r rune) bool { return r == 0 }), err
	}
	return nil, ErrUnstable
}

func attribute(fd int, name string) ([]byte, error) {
	for range tries {
		n, err := unix.Fgetxattr(fd, name, nil)
		if n == 0 || err != nil {
			return nil, err
		}
		buf := make([]byte, n)
		n, err = unix.Fgetxattr(fd, name, buf)
		if err == unix.ERANGE {
			continue
		}
		return buf[:max(n, 0)], err
	}
	return nil, ErrUnstable
}
