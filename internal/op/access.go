package op

// ObjectKind is what two operations can conflict on.
type ObjectKind uint8

// The object kinds.
const (
	ObjName    ObjectKind = iota // a directory entry: File is the directory, Base the entry; Base "*" is every entry
	ObjData                      // bytes [Lo, Hi) of File
	ObjSize                      // the length of File
	ObjMeta                      // mode, owner, times, link count, extended attributes of File
	ObjOffset                    // an open file description, OFD of File: 0 is its offset, 1 its status flags
	ObjLock                      // lock range [Lo, Hi) of File
	ObjPipe                      // a pipe: File. All sockets are one object: which is at the other end is not known
	ObjProcess                   // a process's end: Proc; with Base "*" the end of any child of Proc
	ObjLease                     // whether File can be leased: opens read it, leases write it
	ObjBusy                      // whether File is written or executed (ETXTBSY): Write for the writers; only a writer and an executor conflict
	ObjFD                        // slots [Lo, Hi) of Proc's descriptor table; slot AT_FDCWD is its working directory
)

// Object is one thing that operations can conflict on.
type Object struct {
	Kind   ObjectKind
	File   FileID
	Base   string
	Lo, Hi int64
	OFD    int
	Proc   Actor
}

// Access is the use of one object.
type Access struct {
	Object
	Write bool
	Path  string // by which people know the object; "" for pipes and processes
}
