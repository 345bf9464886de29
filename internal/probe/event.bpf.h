/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the programs hand to the reader. event.go reads the same layout: every
 * field is little-endian and at its natural boundary. */
#pragma once
#include "kernel.bpf.h"

enum what { CALL = 1, BORN, EXECED, ENDED, SIGNALLED };

/* object is a file's identity and what stat(2) would say of it. */
struct object {
	u64 ino;
	s64 size;
	u32 dev, gen, nlink, magic; /* magic: of its file system */
	u16 mode, known;            /* known: 0 if nothing could be read */
	u32 pad;
};

/* handle is an open file description. */
struct handle {
	struct object object;
	u64 file;      /* its address: equal for descriptors that share it */
	s64 pos;       /* at the call's return, as is the object */
	s64 was_size, was_pos;
	u32 flags, mode; /* O_*, FMODE_* */
};

/* entry is a directory entry that the call changes. */
struct entry {
	struct object dir, object;
};

/* The sections that may follow the head, in this order. */
enum section {
	HAS_FD = 1,         /* handle: the descriptor argument */
	HAS_FD2 = 2,        /* handle: the second one */
	HAS_NEW = 4,        /* handle: the descriptor returned */
	HAS_PARENT = 16,    /* object: the directory of the name by which HAS_NEW was opened */
	HAS_START = 32,     /* object: where the first path starts if it is relative */
	HAS_START2 = 64,    /* object: the second */
	HAS_ENTRY = 128,    /* entry: the name changed */
	HAS_ENTRY2 = 256,   /* entry: the second */
	HAS_REACHED = 512,  /* object: the file that was looked at by its path */
	CHANGED_FD = 1024,  /* no section: the descriptor led elsewhere when the call returned */
	HAS_SUM = 2048,     /* u64: CRC-32C of what was written, where it is longer than what is kept of it */
};

struct head {
	u16 what, nr;
	u32 cpu;
	u64 lost; /* events lost on that cpu until now */
	u64 enter, exit; /* ns, CLOCK_MONOTONIC */
	u32 tgid, tid, uid, parent; /* ids of the first pid namespace */
	u64 cgroup;
	u8 comm[16];
	u64 args[6];
	s64 ret;
	u32 sections, chunks; /* chunks: how many bytes of them follow the sections */
	u64 view;             /* what the thread sees: see view_of */
};

/* chunk is a piece of the process's memory; its bytes follow, padded to 8. */
struct chunk {
	u64 addr;
	u32 len, pad;
};

/* there is what the iterators tell of a process or of a descriptor. */
struct there {
	u64 time;
	u32 tgid, tid, parent, uid;
	s32 fd; /* -1: the process itself; -2: the watcher */
	u32 cloexec;
	u8 comm[16];
	u64 view; /* as in head */
	struct handle handle;
};
