/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The filter by the beginning of a path. It lets too much pass, never too little:
 * the reader looks at whole paths. What cannot be read, is too deep, or has "..",
 * "." or an empty name within it passes; so does a directory on the way to what is
 * watched, as it may be where a relative path starts.
 *
 * A description that passed once passes for good, as the file may have been opened
 * through a symbolic link, or be renamed. Closing a descriptor does not end that,
 * since others may share the description; its address may be used again, but hardly
 * for the same inode number. */
#pragma once
#include "object.bpf.h"

/* Functions that are not static are verified once and for any arguments, and not
 * anew at each call, which their loops would make too much. They cannot be handed pointers to what is the
 * kernel's: those go through the scratch, which makes numbers of them. */
#define ONCE __attribute__((noinline))

enum { PREFIXES = 8, PREFIX_MAX = 128, DEPTH_MAX = 48, MARKED_MAX = 1 << 14 };

/* A path is put together in the scratch, before the event is: that of the directory
 * ends at MIDDLE, where the text of the call begins. */
enum { MIDDLE = 8192, SCANNED = 256 };

struct prefix {
	u32 len;
	u8 text[PREFIX_MAX];
};
const volatile struct prefix prefixes[PREFIXES];
const volatile u32 prefix_count; /* 0: all paths pass */

struct {
	__uint(type, MAP_TYPE_LRU_HASH);
	__uint(max_entries, MARKED_MAX);
	__type(key, u64);
	__type(value, u64); /* inode number */
} descriptions SEC(".maps");

#define FIELD(to, kind, from, field)                                  \
	do {                                                          \
		if (may_cast)                                         \
			to = (void *)CAST(kind, from)->field;         \
		else                                                  \
			READ(to, (struct kind *)(from), field);       \
	} while (0)

/* begins reports whether the path in the scratch begins with a prefix, or a prefix
 * with it. */
ONCE int begins(struct scratch *s, u32 at, u32 end)
{
	for (u32 k = 0; s && k < PREFIXES && k < prefix_count; k++) {
		for (u32 i = 0; i <= PREFIX_MAX; i++) {
			if (i == prefixes[k].len)
				return true;
			if (i == PREFIX_MAX)
				break;
			if (at + i >= end) {
				if (i < 2 || prefixes[k].text[i] == '/')
					return true;
				break;
			}
			if (s->b[(at + i) & (SCRATCH - 1)] != prefixes[k].text[i])
				break;
		}
	}
	return false;
}

/* walk writes the path of the dentry so that it ends at s->end, which it moves
 * to where the path begins: nothing for the root. It reports whether it came to the root. */
ONCE int walk(struct scratch *s)
{
	struct mount *m;
	struct dentry *d;

	if (!s || !s->mnt || !s->dentry)
		return false;
	m = (void *)(s->mnt - OFFSET(mount, mnt));
	d = (void *)s->dentry;
	for (u32 i = 0; i < DEPTH_MAX; i++) {
		struct dentry *up = NULL, *root = NULL;
		const unsigned char *name = NULL;
		u32 len = 0, at = s->end;

		FIELD(root, vfsmount, (u64)m + OFFSET(mount, mnt), mnt_root);
		FIELD(up, dentry, d, d_parent);
		if (!up || !root)
			return false;
		if (d == root || d == up) {
			struct mount *above = NULL;
			FIELD(above, mount, m, mnt_parent);
			if (!above || above == m || d != root)
				return true;
			FIELD(d, mount, m, mnt_mountpoint);
			m = above;
			continue;
		}
		if (may_cast) {
			len = CAST(dentry, d)->d_name.len;
			name = CAST(dentry, d)->d_name.name;
		} else {
			READ(len, d, d_name.len);
			READ(name, d, d_name.name);
		}
		if (!len || len > 255 || at > MIDDLE + 1 || at < len + 1)
			return false;
		at -= len;
		if (read_kernel(s->b + (at & (SCRATCH / 2 - 1)), len & 255, name))
			return false;
		at--;
		s->b[at & (SCRATCH - 1)] = '/';
		s->end = at;
		d = up;
	}
	return false;
}

/* under reports whether the file lies where it is asked for. What has no place in a
 * directory (a pipe, a socket) does not. */
ONCE int under(struct scratch *s)
{
	struct file *f;
	struct vfsmount *v = NULL;
	struct dentry *d = NULL;

	if (!s || !s->file)
		return false;
	f = (void *)s->file;
	FIELD(v, file, f, f_path.mnt);
	FIELD(d, file, f, f_path.dentry);
	s->mnt = (u64)v;
	s->dentry = (u64)d;
	s->end = MIDDLE;
	if (!walk(s))
		return true;
	if (s->end == MIDDLE) {
		struct object o = {};
		read_object(&o, inode_at(d));
		return (o.mode & 0170000) == 0040000;
	}
	return begins(s, s->end, MIDDLE);
}

/* odd reports whether a path has names that lead elsewhere than their text says. */
ONCE int odd(struct scratch *s, u32 at)
{
	for (u32 i = 0; s && i < SCANNED; i++) {
		u8 *c = s->b + MIDDLE + ((at + i) & (PATH_MAX_ - 1));
		if (!c[1])
			return false;
		if (c[0] != '/')
			continue;
		if (c[1] == '/')
			return true;
		if (c[1] == '.' && (!c[2] || c[2] == '/' || (c[2] == '.' && (!c[3] || c[3] == '/'))))
			return true;
	}
	return true;
}

/* named_under reports whether a path of the process's memory leads to what is asked for. */
ONCE int named_under(struct scratch *s, u64 text, u32 how, s32 fd)
{
	struct task_struct *t = current_task();
	struct vfsmount *v = NULL;
	struct dentry *d = NULL;
	bool absolute;
	s64 n;

	if (!s || !text || !t->fs)
		return false;
	s->b[MIDDLE] = '/';
	n = read_user_str(s->b + MIDDLE + 1, PATH_MAX_, (void *)text);
	if (n <= 0 || n > PATH_MAX_)
		return true;
	absolute = s->b[MIDDLE + 1] == '/';
	if (odd(s, MIDDLE + absolute))
		return true;
	if (absolute) {
		if (begins(s, MIDDLE + 1, MIDDLE + n))
			return true;
		v = t->fs->root.mnt;
		d = t->fs->root.dentry;
	} else if (how == AT_DESCRIPTOR && fd != AT_FDCWD_) {
		struct file *f = descriptor(t, fd);
		if (!f)
			return true;
		FIELD(v, file, f, f_path.mnt);
		FIELD(d, file, f, f_path.dentry);
	} else {
		v = t->fs->pwd.mnt;
		d = t->fs->pwd.dentry;
	}
	s->end = MIDDLE + absolute;
	s->mnt = (u64)v;
	s->dentry = (u64)d;
	return !walk(s) || begins(s, s->end, MIDDLE + n);
}

INLINE u64 inode_number(struct file *f)
{
	struct inode *i = inode_of(f);
	unsigned long ino = 0;

	if (!i)
		return 0;
	if (may_cast)
		return CAST(inode, i)->i_ino;
	READ(ino, i, i_ino);
	return ino;
}

INLINE bool marked_description(struct file *f)
{
	u64 file = (u64)f, *ino = map_lookup(&descriptions, &file);

	return ino && *ino == inode_number(f);
}

INLINE void mark_description(struct file *f)
{
	u64 file = (u64)f, ino;

	if (f && !marked_description(f)) {
		ino = inode_number(f);
		map_update(&descriptions, &file, &ino, 0);
	}
}

/* about_descriptor is asked when the call is entered: afterwards the file may be gone. */
INLINE bool about_descriptor(struct task_struct *t, s32 fd)
{
	struct file *f = descriptor(t, fd);
	struct scratch *s;
	u32 zero = 0;
	bool yes;

	if (!f)
		return false;
	if (marked_description(f))
		return true;
	s = map_lookup(&scratches, &zero);
	if (!s || s->busy)
		return true;
	s->busy = 1;
	s->file = (u64)f;
	yes = under(s);
	s->busy = 0;
	if (yes)
		mark_description(f);
	return yes;
}

/* about_paths is asked when the call returns, by whoever has borrowed the scratch. */
INLINE bool about_paths(struct scratch *s, u64 *args, const volatile struct plan *plan)
{
	for (int k = 0; k < 2; k++)
		if (plan->text[k] != NONE && plan->start[k] != NOWHERE &&
		    named_under(s, args[plan->text[k] & 7], plan->start[k], args[plan->dir[k] & 7]))
			return true;
	return false;
}
