package probe

import (
	"filerace/internal/op"
)

// The types in a mode (inode(7)).
const (
	typeMask    = 0o170000
	typeRegular = 0o100000
	typeDir     = 0o040000
	typeLink    = 0o120000
	typePipe    = 0o010000
	typeSocket  = 0o140000
	typeChar    = 0o020000
	typeBlock   = 0o060000
)

// The file systems whose files the kernel makes up (include/uapi/linux/magic.h).
// Device files are devices wherever they lie, so that devtmpfs need not be here.
var synthetic = map[uint32]bool{
	0x9fa0:     true, // proc
	0x62656572: true, // sysfs
	0x64626720: true, // debugfs
	0x74726163: true, // tracefs
	0x63677270: true, // cgroup2
	0x27e0eb:   true, // cgroup
	0x1cd1:     true, // devpts
	0x73636673: true, // securityfs
	0xcafe4a11: true, // bpf
	0x6e736673: true, // nsfs
	0x62656570: true, // configfs
	0xde5e81e4: true, // efivarfs
	0xf97cff8c: true, // selinuxfs
}

// magicAnon is the file system of epoll, eventfd and the like.
const magicAnon = 0x09041934

// id is the identity: the device as stat(2) gives it but for btrfs, where stat has a
// number for each subvolume and this one is the file system's, and for overlayfs with
// layers on several file systems. The generation stands for the birth time; tmpfs,
// ext4, xfs and btrfs give a number that is used again another one.
func (o *object) id() op.FileID {
	if !o.known {
		return op.FileID{}
	}
	return op.FileID{Dev: userDev(o.dev), Ino: o.ino, Birth: int64(o.gen)}
}

// userDev turns the kernel's device number, 12 bits and 20, into that of user
// space (makedev(3)).
func userDev(dev uint32) uint64 {
	major, minor := uint64(dev>>20), uint64(dev&0xfffff)
	return major&0xfff<<8 | major&^0xfff<<32 | minor&0xff | minor&^0xff<<12
}

func (o *object) describe() op.File {
	return op.File{ID: o.id(), Type: o.fileType(), Nlink: o.nlink, Size: o.size}
}

func (o *object) fileType() op.FileType {
	if !o.known {
		return op.UnknownType
	}
	if synthetic[o.magic] && o.mode&typeMask != typePipe {
		return op.Proc
	}
	if o.magic == magicAnon {
		return op.Anon
	}
	switch o.mode & typeMask {
	case typeRegular:
		return op.Regular
	case typeDir:
		return op.Directory
	case typeLink:
		return op.Symlink
	case typePipe:
		return op.Pipe
	case typeSocket:
		return op.Socket
	case typeChar, typeBlock:
		return op.Device
	}
	return op.UnknownType
}

// arm64 swaps four open flags against amd64, whose values package op uses
// (arch/arm64/include/uapi/asm/fcntl.h).
var arm64Flags = [...][2]uint64{
	{0o40000, op.O_DIRECTORY}, {0o100000, op.O_NOFOLLOW}, {0o200000, op.O_DIRECT}, {0o400000, op.O_LARGEFILE},
}

// flags are the flags of a description as package op has them. The kernel's struct
// file does not keep O_CREAT, O_EXCL, O_NOCTTY and O_TRUNC.
func (d *decoder) flags(f uint32) uint64 {
	g := uint64(f)
	if d.arch != op.ARM64 {
		return g
	}
	for _, p := range arm64Flags {
		g &^= p[0]
	}
	for _, p := range arm64Flags {
		if uint64(f)&p[0] != 0 {
			g |= p[1]
		}
	}
	return g
}
