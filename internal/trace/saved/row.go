package saved

// row is one line of a recording as it lies in a segment. The columns are flat, so
// that SQL needs no more than their names; lists are kept for what is rare. A
// descriptor or offset of -1 is none; an identity of 0 is no file; text that is one
// NUL stands for none where an empty text means "as path says".
//
// Encodings: times and positions grow, so their differences are kept (delta);
// whatever repeats is a number in a dictionary (dict); zstd sees to the rest.
type row struct {
	Event  string `parquet:"event,zstd"` // call, entry, born, there, ended, gap
	Seq    int64  `parquet:"seq,delta,zstd"`
	Actor  string `parquet:"actor,dict,zstd"`
	Prog   string `parquet:"prog,dict,zstd"`
	PID    int32  `parquet:"pid,dict,zstd"`
	TID    int32  `parquet:"tid,dict,zstd"`
	UID    uint32 `parquet:"uid,dict,zstd"`
	Cgroup uint64 `parquet:"cgroup,zstd"`
	Parent int32  `parquet:"parent,zstd"`
	Lost   uint64 `parquet:"lost,zstd"`

	Call     string `parquet:"call,dict,zstd"`
	Kind     string `parquet:"kind,dict,zstd"`
	ArgsKept int32  `parquet:"args_kept,dict,zstd"` // bit i: arg i is in its column; else it follows from the others
	Arg0     int64  `parquet:"arg0,dict,zstd"`
	Arg1     int64  `parquet:"arg1,dict,zstd"`
	Arg2     int64  `parquet:"arg2,dict,zstd"`
	Arg3     int64  `parquet:"arg3,dict,zstd"`
	Arg4     int64  `parquet:"arg4,dict,zstd"`
	Arg5     int64  `parquet:"arg5,dict,zstd"`

	Enter  int64  `parquet:"enter_ns,delta,zstd"`
	Exit   int64  `parquet:"exit_ns,delta,zstd"`
	Result int64  `parquet:"result,dict,zstd"`
	Errno  string `parquet:"errno,dict,zstd"` // ENOENT …; derived from result

	FD     int32  `parquet:"fd,dict,zstd"`
	FD2    int32  `parquet:"fd2,dict,zstd"`
	NewFD  int32  `parquet:"new_fd,dict,zstd"`
	NewFD2 int32  `parquet:"new_fd2,dict,zstd"`
	Flags  uint64 `parquet:"flags,dict,zstd"`
	Cmd    int64  `parquet:"cmd,dict,zstd"`
	Off    int64  `parquet:"off,dict,zstd"`
	Len    int64  `parquet:"len,dict,zstd"`
	Whence int64  `parquet:"whence,dict,zstd"`

	LockFamily string `parquet:"lock_family,dict,zstd"` // flock, fcntl, ofd, lease
	LockMode   string `parquet:"lock_mode,dict,zstd"`   // SH, EX, UN
	LockWait   bool   `parquet:"lock_wait,zstd"`
	LockStart  int64  `parquet:"lock_start,dict,zstd"`
	LockEnd    int64  `parquet:"lock_end,dict,zstd"`
	LockWhence int32  `parquet:"lock_whence,zstd"`

	ArgPath  string `parquet:"arg_path,dict,zstd"` // as the program gave it, where that is not path
	ArgPath2 string `parquet:"arg_path2,dict,zstd"`

	Names       int32  `parquet:"names,dict,zstd"` // how many entries were looked up
	Path        string `parquet:"path,dict,zstd"`  // the first of them; without any, the path of the file reached
	Base        string `parquet:"base,zstd"`       // only where path does not end in it
	DirDev      uint64 `parquet:"dir_dev,dict,zstd"`
	DirIno      uint64 `parquet:"dir_ino,dict,zstd"`
	DirBirth    int64  `parquet:"dir_birth,dict,zstd"`
	BeforeDev   uint64 `parquet:"before_dev,dict,zstd"`
	BeforeIno   uint64 `parquet:"before_ino,dict,zstd"`
	BeforeBirth int64  `parquet:"before_birth,dict,zstd"`
	AfterDev    uint64 `parquet:"after_dev,dict,zstd"`
	AfterIno    uint64 `parquet:"after_ino,dict,zstd"`
	AfterBirth  int64  `parquet:"after_birth,dict,zstd"`
	NameType    string `parquet:"name_type,dict,zstd"`
	NameNlink   uint32 `parquet:"name_nlink,dict,zstd"`
	NameSize    int64  `parquet:"name_size,dict,zstd"`

	Path2        string `parquet:"path2,dict,zstd"`
	Base2        string `parquet:"base2,zstd"`
	Dir2Dev      uint64 `parquet:"dir2_dev,dict,zstd"`
	Dir2Ino      uint64 `parquet:"dir2_ino,dict,zstd"`
	Dir2Birth    int64  `parquet:"dir2_birth,dict,zstd"`
	Before2Dev   uint64 `parquet:"before2_dev,dict,zstd"`
	Before2Ino   uint64 `parquet:"before2_ino,dict,zstd"`
	Before2Birth int64  `parquet:"before2_birth,dict,zstd"`
	After2Dev    uint64 `parquet:"after2_dev,dict,zstd"`
	After2Ino    uint64 `parquet:"after2_ino,dict,zstd"`
	After2Birth  int64  `parquet:"after2_birth,dict,zstd"`
	Name2Type    string `parquet:"name2_type,dict,zstd"`
	Name2Nlink   uint32 `parquet:"name2_nlink,dict,zstd"`
	Name2Size    int64  `parquet:"name2_size,dict,zstd"`

	Dev      uint64 `parquet:"dev,dict,zstd"` // the file reached
	Ino      uint64 `parquet:"ino,dict,zstd"`
	Birth    int64  `parquet:"birth,dict,zstd"`
	FileType string `parquet:"file_type,dict,zstd"`
	FilePath string `parquet:"file_path,dict,zstd"` // only where names has another, or none
	Nlink    uint32 `parquet:"nlink,dict,zstd"`
	Size     int64  `parquet:"size,dict,zstd"`

	File2Dev   uint64 `parquet:"file2_dev,dict,zstd"` // the file read by a copy, or closed by a dup
	File2Ino   uint64 `parquet:"file2_ino,dict,zstd"`
	File2Birth int64  `parquet:"file2_birth,dict,zstd"`
	File2Type  string `parquet:"file2_type,dict,zstd"`
	File2Path  string `parquet:"file2_path,dict,zstd"`
	File2Nlink uint32 `parquet:"file2_nlink,dict,zstd"`
	File2Size  int64  `parquet:"file2_size,dict,zstd"`

	Sum      uint32 `parquet:"sum,dict,zstd"` // CRC-32C of what was written
	Reaped   int32  `parquet:"reaped,dict,zstd"`
	Child    string `parquet:"child,dict,zstd"`
	Status   int32  `parquet:"status,dict,zstd"`
	Signal   int32  `parquet:"signal,dict,zstd"`
	Waits    bool   `parquet:"waits,zstd"`
	Faked    bool   `parquet:"faked,zstd"`
	Thread   bool   `parquet:"thread,zstd"`
	NoLocks  bool   `parquet:"no_locks,zstd"`
	Done     bool   `parquet:"done,zstd"`
	Seen     uint32 `parquet:"seen,dict,zstd"` // bit i: the source saw what name i led to before
	Inside   bool   `parquet:"inside,zstd"`    // an open that stood in the kernel with its file found
	Off2     int64  `parquet:"off2,dict,zstd"`
	OFlags   uint64 `parquet:"oflags,dict,zstd"`
	Grown    int64  `parquet:"grown,dict,zstd"` // bytes that the file has gained; the least int64: not known
	OFD      int64  `parquet:"ofd,delta,zstd"`
	OFD2     int64  `parquet:"ofd2,dict,zstd"`
	Decision int64  `parquet:"decision,zstd"`
	Next     uint32 `parquet:"next,dict,zstd"`  // as sum, of the number that is written counted one up; 0: it is no number
	Next2    uint32 `parquet:"next2,dict,zstd"` // of one whose most significant byte comes first
	SameLo   int32  `parquet:"same_lo,zstd"`    // bytes that were there already (same_hi: behind the last), counted from off
	SameHi   int32  `parquet:"same_hi,zstd"`

	Via []nameRow `parquet:"via,list"` // walked through; before them names beyond the second, if there are any
	FDs []fdRow   `parquet:"fds,list"`
}

// nameRow is op.Name in a list.
type nameRow struct {
	Path        string `parquet:"path,zstd"`
	Base        string `parquet:"base,zstd"`
	DirDev      uint64 `parquet:"dir_dev,zstd"`
	DirIno      uint64 `parquet:"dir_ino,zstd"`
	DirBirth    int64  `parquet:"dir_birth,zstd"`
	BeforeDev   uint64 `parquet:"before_dev,zstd"`
	BeforeIno   uint64 `parquet:"before_ino,zstd"`
	BeforeBirth int64  `parquet:"before_birth,zstd"`
	AfterDev    uint64 `parquet:"after_dev,zstd"`
	AfterIno    uint64 `parquet:"after_ino,zstd"`
	AfterBirth  int64  `parquet:"after_birth,zstd"`
	Type        string `parquet:"type,zstd"`
	Nlink       uint32 `parquet:"nlink,zstd"`
	Size        int64  `parquet:"size,zstd"`
}

// fileRow is op.File.
type fileRow struct {
	Dev, Ino uint64
	Birth    int64
	Type     string
	Path     string
	Nlink    uint32
	Size     int64
}

// fdRow is op.FDInfo in a list.
type fdRow struct {
	FD     int32  `parquet:"fd,zstd"`
	Dev    uint64 `parquet:"dev,zstd"`
	Ino    uint64 `parquet:"ino,zstd"`
	Birth  int64  `parquet:"birth,zstd"`
	Type   string `parquet:"type,zstd"`
	Path   string `parquet:"path,zstd"`
	Nlink  uint32 `parquet:"nlink,zstd"`
	Size   int64  `parquet:"size,zstd"`
	Flags  uint64 `parquet:"flags,zstd"`
	Off    int64  `parquet:"off,zstd"`
	Shared int64  `parquet:"shared,zstd"`
}
