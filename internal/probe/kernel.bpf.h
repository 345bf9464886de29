/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The little of the kernel that watching looks at. The offsets written here mean
 * nothing: preserve_access_index makes the loader take those of the running
 * kernel from its BTF, by the names of struct and field (CO-RE). Helper numbers
 * are those of include/uapi/linux/bpf.h. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;
typedef _Bool bool;
enum { false, true };

#define NULL ((void *)0)
#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name

enum { MAP_TYPE_PERCPU_ARRAY = 6, MAP_TYPE_LRU_HASH = 9, MAP_TYPE_RINGBUF = 27, MAP_TYPE_TASK_STORAGE = 29 };
enum { F_NO_PREALLOC = 1, STORAGE_CREATE = 1 };
enum { RB_NO_WAKEUP = 1, RB_FORCE_WAKEUP = 2, RB_AVAIL_DATA = 0 };

static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static long (*const map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static u64 (*const ktime_ns)(void) = (void *)5;
static u64 (*const pid_tgid)(void) = (void *)14;
static u64 (*const uid_gid)(void) = (void *)15;
static long (*const current_comm)(void *to, u32 size) = (void *)16;
static u32 (*const processor)(void) = (void *)8;
static u64 (*const cgroup_id)(void) = (void *)80;
static long (*const read_user)(void *to, u32 size, const void *from) = (void *)112;
static long (*const read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*const read_user_str)(void *to, u32 size, const void *from) = (void *)114;
static long (*const read_kernel_str)(void *to, u32 size, const void *from) = (void *)115;
static u64 (*const ancestor_cgroup)(s32 level) = (void *)123;
static long (*const seq_write)(void *seq, const void *from, u32 size) = (void *)127;
static long (*const ring_output)(void *ring, void *from, u64 size, u64 flags) = (void *)130;
static u64 (*const ring_query)(void *ring, u64 flags) = (void *)134;
static void *(*const storage_get)(void *map, void *task, void *value, u64 flags) = (void *)156;
static struct task_struct *(*const current_task)(void) = (void *)158;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
#if defined(__TARGET_ARCH_x86)
	unsigned long r10, r9, r8, dx, si, di;
#else
	u64 regs[31];
#endif
};

struct thread_info {
	unsigned long flags; /* arm64: TIF_32BIT */
	u32 status;          /* amd64: TS_COMPAT */
};

struct qstr {
	u32 len;
	const unsigned char *name;
};

struct super_block {
	u32 s_dev;
	unsigned long s_magic;
};

struct inode {
	u16 i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	u32 i_nlink;
	s64 i_size;
	u32 i_generation;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	u32 f_mode;
	u32 f_flags;
	struct inode *f_inode;
	struct path f_path;
	s64 f_pos;
};

struct fdtable {
	u32 max_fds;
	struct file **fd;
	unsigned long *close_on_exec;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root, pwd;
};

struct kuid {
	u32 val;
};

struct kernfs_node {
	u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct cred {
	struct kuid uid;
};

struct signal_struct {
	struct {
		s32 counter;
	} live;
	s32 group_exit_code;
	u32 flags;
};

struct ns_common {
	u32 inum;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct pid {
	u32 level; /* of the innermost namespace that it is in; 0: the first one */
};

struct kernel_siginfo {
	s32 si_code;
	union {
		struct {
			s32 _pid;
		} _kill;
	} _sifields;
};

struct mm_struct;
struct completion;

struct task_struct {
	struct thread_info thread_info;
	s32 pid, tgid, exit_code;
	u32 flags;
	struct task_struct *real_parent, *group_leader;
	struct pid *thread_pid;
	struct mm_struct *mm;
	struct files_struct *files;
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	const struct cred *cred;
	struct css_set *cgroups;
	struct completion *vfork_done;
	char comm[16];
};

struct linux_binprm {
	struct file *file;
	const char *filename, *interp;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

#pragma clang attribute pop

enum { AT_FDCWD_ = -100, FMODE_CREATED_ = 1 << 20, SIGNAL_GROUP_EXIT_ = 4, PF_KTHREAD_ = 0x00200000 };

/* CAST gives an address a type, so that its fields can be read by plain loads, which
 * cost a tenth of a helper's call. Linux 6.2 has it; before, READ has to do. */
extern void *bpf_rdonly_cast(void *address, u32 type) __attribute__((section(".ksyms"), weak));
#define CAST(type, address) ((struct type *)bpf_rdonly_cast((void *)(address), __builtin_btf_type_id(*(struct type *)0, 1)))

#define HAS(type, field) __builtin_preserve_field_info(((struct type *)0)->field, 2) /* whether the running kernel has it */
#define OFFSET(type, field) __builtin_preserve_field_info(((struct type *)0)->field, 0)

/* READ reads a field through a pointer that the verifier does not know the type of. */
#define READ(to, from, field) read_kernel(&(to), sizeof(to), __builtin_preserve_access_index(&(from)->field))
