package litmus

// Why file systems differ over reads and writes at once, by type.

const writesLock = "a buffered write holds the inode's lock from its first byte to its last"

var whyWritesMix = map[string]string{
	"ext4":    writesLock + " (ext4_buffered_write_iter, fs/ext4/file.c).",
	"xfs":     writesLock + " (xfs_file_buffered_write, fs/xfs/xfs_file.c).",
	"btrfs":   writesLock + " (btrfs_buffered_write, fs/btrfs/file.c).",
	"tmpfs":   writesLock + " (shmem_file_write_iter, mm/shmem.c).",
	"overlay": "it locks its own inode and passes the write on (ovl_write_iter, fs/overlayfs/file.c).",
	"fuse":    "a write is sent to the server in pieces of at most max_write bytes (fuse_perform_write, fs/fuse/file.c).",
}

const readsDoNotLock = "a buffered read takes no lock against writes and copies out of the page cache while a write copies into it"

var whyReadsMix = map[string]string{
	"ext4":    readsDoNotLock + " (ext4_file_read_iter, fs/ext4/file.c; filemap_read, mm/filemap.c).",
	"xfs":     "a buffered read holds the inode's lock shared, a write exclusively: they exclude each other (xfs_file_buffered_read, fs/xfs/xfs_file.c).",
	"btrfs":   readsDoNotLock + " (btrfs_file_read_iter, fs/btrfs/file.c; filemap_read, mm/filemap.c).",
	"tmpfs":   readsDoNotLock + " (shmem_file_read_iter, mm/shmem.c).",
	"overlay": "it passes the read on to the file system below, which decides (ovl_read_iter, fs/overlayfs/file.c).",
	"fuse":    "the server reads and writes the file below by calls of its own; the kernel takes no lock for a read (fuse_file_read_iter, fs/fuse/file.c).",
}
