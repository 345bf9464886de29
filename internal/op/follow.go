package op

import "strings"

// Follows reports whether the call follows a symbolic link that path i (0, or 1
// for the second one of rename and link) ends in. Links in the middle of a path
// are always followed.
//
// A final slash makes the kernel follow whatever the flags say (lookup_last and
// open_last_lookups in fs/namei.c), except where it looks up the parent alone:
// unlink, rename and the calls that make names.
func (o *Op) Follows(i int) bool {
	if i != 0 {
		return false
	}
	slash := strings.HasSuffix(o.Path, "/")
	switch o.Kind {
	case Open:
		if o.Flags&(O_CREAT|O_EXCL) == O_CREAT|O_EXCL || o.Cmd&RESOLVE_NO_SYMLINKS != 0 {
			return false
		}
		return slash || o.Flags&O_NOFOLLOW == 0
	case Stat, AccessOp, Chmod, Chown, Utime, GetXattr, SetXattr, Exec:
		return slash || o.Flags&AT_SYMLINK_NOFOLLOW == 0
	case Link:
		return slash || o.Flags&AT_SYMLINK_FOLLOW != 0
	case Readlink:
		return slash
	case Truncate, Chdir:
		return true
	}
	return false
}
