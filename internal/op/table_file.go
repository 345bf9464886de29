package op

// openRows open, duplicate and close descriptors.
var openRows = []Call{
	held("open", 2, None, Open, ArgPath, ArgFlags, ArgMode).sleeps().makesFD(),
	held("openat", 257, 56, Open, ArgDirFD, ArgPath, ArgFlags, ArgMode).sleeps().makesFD(),
	held("openat2", 437, 437, Open, ArgDirFD, ArgPath, ArgHow, ArgInt).sleeps().makesFD().
		note("RESOLVE_IN_ROOT and RESOLVE_BENEATH are shown; the resolution is taken from what the kernel returns"),
	held("creat", 85, None, Open, ArgPath, ArgMode).sleeps().makesFD().implies(O_CREAT | O_WRONLY | O_TRUNC),
	held("close", 3, 57, Close, ArgFD),
	held("close_range", 436, 436, CloseRange, ArgFD, ArgLastFD, ArgFlags),
	held("dup", 32, 23, Dup, ArgFD).makesFD(),
	held("dup2", 33, None, Dup, ArgFD, ArgFD2).makesFD(),
	held("dup3", 292, 24, Dup, ArgFD, ArgFD2, ArgFlags).makesFD(),
	held("fcntl", 72, 25, Dup, ArgFD, ArgCmd, ArgFcntl).when(arg32(1, F_DUPFD, F_DUPFD_CLOEXEC)).makesFD(),
	held("fcntl", 72, 25, SetFlags, ArgFD, ArgCmd, ArgFcntl).when(arg32(1, F_SETFL, F_SETFD)),
}

// dataRows read and write what is in files.
var dataRows = []Call{
	held("read", 0, 63, Read, ArgFD, ArgPtr, ArgLen).sleeps(),
	held("pread64", 17, 67, Read, ArgFD, ArgPtr, ArgLen, ArgOff),
	held("readv", 19, 65, Read, ArgFD, ArgIov, ArgIovCnt).sleeps(),
	held("preadv", 295, 69, Read, ArgFD, ArgIov, ArgIovCnt, ArgOff, ArgInt),
	held("preadv2", 327, 286, Read, ArgFD, ArgIov, ArgIovCnt, ArgOff, ArgInt, ArgFlags).sleeps(),
	held("write", 1, 64, Write, ArgFD, ArgBuf, ArgLen).sleeps(),
	held("pwrite64", 18, 68, Write, ArgFD, ArgBuf, ArgLen, ArgOff),
	held("writev", 20, 66, Write, ArgFD, ArgIov, ArgIovCnt).sleeps(),
	held("pwritev", 296, 70, Write, ArgFD, ArgIov, ArgIovCnt, ArgOff, ArgInt),
	held("pwritev2", 328, 287, Write, ArgFD, ArgIov, ArgIovCnt, ArgOff, ArgInt, ArgFlags).sleeps(),
	held("lseek", 8, 62, Seek, ArgFD, ArgSeek, ArgWhence),
	held("truncate", 76, 45, Truncate, ArgPath, ArgLen).sleeps(),
	held("ftruncate", 77, 46, Truncate, ArgFD, ArgLen),
	held("fallocate", 285, 47, Allocate, ArgFD, ArgFlags, ArgOff, ArgLen),
	held("copy_file_range", 326, 285, Copy, ArgFD2, ArgOffPtr2, ArgFD, ArgOffPtr, ArgLen, ArgFlags),
	held("sendfile", 40, 71, Copy, ArgFD, ArgFD2, ArgOffPtr2, ArgLen).sleeps(),
	held("splice", 275, 76, Copy, ArgFD2, ArgOffPtr2, ArgFD, ArgOffPtr, ArgLen, ArgFlags).sleeps(),
	held("fsync", 74, 82, Sync, ArgFD),
	held("fdatasync", 75, 83, Sync, ArgFD),
	held("sync_file_range", 277, 84, Sync, ArgFD, ArgOff, ArgLen, ArgFlags),
	held("syncfs", 306, 267, Sync, ArgFD),
	held("mmap", 9, 222, Mmap, ArgPtr, ArgLen, ArgProt, ArgMapFlags, ArgFD, ArgOff).
		when(bits(3, MAP_TYPE, MAP_SHARED, MAP_SHARED_VALIDATE), bits(3, MAP_ANONYMOUS, 0)).
		note("loads and stores through the mapping are not seen; a run that maps a file shared and writable is marked"),
	held("msync", 26, 227, Msync, ArgPtr, ArgLen, ArgFlags).
		note("which file the mapping belongs to is not followed"),
}

// lockRows lock files. A command of fcntl that no row names is not held.
var lockRows = []Call{
	held("flock", 73, 32, LockOp, ArgFD, ArgFlock).sleeps(),
	held("fcntl", 72, 25, LockOp, ArgFD, ArgCmd, ArgFcntl).when(arg32(1, F_SETLKW, F_OFD_SETLKW)).sleeps(),
	held("fcntl", 72, 25, LockOp, ArgFD, ArgCmd, ArgFcntl).when(arg32(1, F_SETLK, F_OFD_SETLK)),
	held("fcntl", 72, 25, LockOp, ArgFD, ArgCmd, ArgFcntl).when(arg32(1, F_SETLEASE)),
	held("fcntl", 72, 25, GetLock, ArgFD, ArgCmd, ArgFcntl).when(arg32(1, F_GETLK, F_OFD_GETLK, F_GETLEASE)),
}
