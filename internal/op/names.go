package op

// ChangesNames reports whether the operation took effect and may have made a name lead elsewhere.
func (o *Op) ChangesNames() bool {
	if o.Failed() || o.Waits {
		return false
	}
	switch o.Kind {
	case Open:
		return o.Flags&O_CREAT != 0
	case Unlink, Rmdir, Rename, Link, SymlinkOp, Mkdir, Mknod:
		return true
	}
	return false
}
