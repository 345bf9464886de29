package op

// ObjectKind is what two operations can conflict on.
type ObjectKind uint8

// The object kinds.
const (
	ObjName    ObjectKind = iota // a directory entry: File is the directory, Base the entry; Base "*" is every entry
	ObjData                      // bytes [Lo, Hi) of File
	ObjSize                      // the length of File
	ObjMeta                      // mode, owner, times, link count, extended attributes of File
	ObjOffset                    // the offset of an open file description: OFD
	ObjLock                      // lock range [Lo, Hi) of File
	ObjPipe                      // a pipe or socket: File
	ObjProcess                   // a process's end: Proc
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
