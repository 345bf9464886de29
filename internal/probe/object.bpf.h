/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Reading the kernel's files, and appending what was read to an event. */
#pragma once
#include "state.bpf.h"

/* may_cast is false where CAST is missing, and where a test wants it to be. */
#define may_cast (!never_cast && bpf_rdonly_cast)

INLINE void read_object(struct object *o, struct inode *i)
{
	struct super_block *sb = NULL;
	unsigned long ino = 0, magic = 0;

	if (!o)
		return;
	o->known = 0;
	o->pad = 0;
	if (!i)
		return;
	if (may_cast) {
		struct inode *k = CAST(inode, i);
		o->ino = k->i_ino;
		o->size = k->i_size;
		o->mode = k->i_mode;
		o->gen = k->i_generation;
		o->nlink = k->i_nlink;
		o->dev = k->i_sb->s_dev;
		o->magic = k->i_sb->s_magic;
		o->known = 1;
		return;
	}
	if (READ(ino, i, i_ino) || READ(sb, i, i_sb))
		return;
	o->ino = ino;
	READ(o->size, i, i_size);
	READ(o->mode, i, i_mode);
	READ(o->gen, i, i_generation);
	READ(o->nlink, i, i_nlink);
	READ(o->dev, sb, s_dev);
	READ(magic, sb, s_magic);
	o->magic = magic;
	o->known = 1;
}

INLINE void read_handle(struct handle *h, struct file *f)
{
	struct inode *i = NULL;

	if (!h)
		return;
	h->object.known = 0;
	h->file = (u64)f;
	if (!f)
		return;
	if (may_cast) {
		struct file *k = CAST(file, f);
		i = k->f_inode;
		h->mode = k->f_mode;
		h->flags = k->f_flags;
		h->was_pos = k->f_pos;
	} else {
		READ(i, f, f_inode);
		READ(h->mode, f, f_mode);
		READ(h->flags, f, f_flags);
		READ(h->was_pos, f, f_pos);
	}
	h->pos = h->was_pos;
	read_object(&h->object, i);
	h->was_size = h->object.size;
}

/* inode_of is the inode of a file, dentry_of its dentry, NULL if f is. */
INLINE struct inode *inode_of(struct file *f)
{
	struct inode *i = NULL;

	if (!f)
		return NULL;
	if (may_cast)
		return CAST(file, f)->f_inode;
	READ(i, f, f_inode);
	return i;
}

INLINE struct dentry *dentry_of(struct file *f)
{
	struct dentry *d = NULL;

	if (!f)
		return NULL;
	if (may_cast)
		return CAST(file, f)->f_path.dentry;
	READ(d, f, f_path.dentry);
	return d;
}

/* inode_at is the inode that a dentry leads to, inode_above that of the directory it is in. */
INLINE struct inode *inode_at(struct dentry *d)
{
	struct inode *i = NULL;

	if (!d)
		return NULL;
	if (may_cast)
		return CAST(dentry, d)->d_inode;
	READ(i, d, d_inode);
	return i;
}

INLINE struct inode *inode_above(struct dentry *d)
{
	struct dentry *up = NULL;

	if (!d)
		return NULL;
	if (may_cast)
		return CAST(dentry, d)->d_parent->d_inode;
	READ(up, d, d_parent);
	return inode_at(up);
}

INLINE struct file *descriptor(struct task_struct *t, s32 fd)
{
	struct file *f = NULL;
	struct fdtable *table;

	if (fd < 0 || !t->files)
		return NULL;
	table = t->files->fdt;
	if (!table || (u32)fd >= table->max_fds)
		return NULL;
	/* a slot of the table, read as if it were the pointer to the table: by a load */
	if (may_cast)
		return (void *)CAST(fdtable, (u64)(table->fd + fd) - OFFSET(fdtable, fd))->fd;
	read_kernel(&f, sizeof(f), table->fd + fd);
	return f;
}

/* refresh looks once more where the descriptor leads, when the call has returned,
 * and reports whether it still leads there: another thread may have closed it, or
 * this very call has. */
INLINE bool refresh(struct handle *h, struct task_struct *t, s32 fd)
{
	struct inode *i = NULL;
	struct file *f = descriptor(t, fd);

	if (!f || (u64)f != h->file)
		return false;
	if (may_cast) {
		struct file *k = CAST(file, f);
		h->pos = k->f_pos;
		h->flags = k->f_flags;
		h->object.size = k->f_inode->i_size;
		h->object.nlink = k->f_inode->i_nlink;
		return true;
	}
	READ(h->pos, f, f_pos);
	READ(h->flags, f, f_flags);
	READ(i, f, f_inode);
	READ(h->object.size, i, i_size);
	READ(h->object.nlink, i, i_nlink);
	return true;
}

/* The sections and chunks are appended to the scratch. */

/* room takes size bytes at the scratch's end. */
INLINE void *room(struct scratch *s, u32 size)
{
	u32 at = s->end;

	if (at > ROOM)
		return NULL;
	s->end = at + size;
	return s->b + at;
}

static __attribute__((noinline)) void add_object(struct scratch *s, u32 section, struct inode *i)
{
	struct object *o = s && i ? room(s, sizeof(*o)) : NULL;

	if (o) {
		read_object(o, i);
		s->sections |= section;
	}
}

INLINE void add_handle(struct scratch *s, u32 section, struct handle *from)
{
	struct handle *h = s && from ? room(s, sizeof(*h)) : NULL;

	if (h) {
		*h = *from;
		s->sections |= section;
	}
}

static __attribute__((noinline)) void add_entry(struct scratch *s, u32 section, struct entry *from)
{
	struct entry *e = s && from ? room(s, sizeof(*e)) : NULL;

	if (e) {
		*e = *from;
		s->sections |= section;
	}
}

INLINE void end_chunk(struct scratch *s, struct chunk *c, u64 addr, u32 len)
{
	c->addr = addr;
	c->len = len;
	c->pad = 0;
	s->end += sizeof(*c) + ((len + 7) & ~7U);
}

/* add_chunk adds len bytes of the process's memory, DATA_MAX at most. */
static __attribute__((noinline)) void add_chunk(struct scratch *s, u64 addr, u64 len)
{
	u32 at;

	if (!s || !addr)
		return;
	at = s->end;
	if (at > ROOM)
		return;
	if (len > DATA_MAX)
		len = DATA_MAX;
	if (!read_user(s->b + at + sizeof(struct chunk), len, (void *)addr))
		end_chunk(s, (void *)(s->b + at), addr, len);
}

/* add_text adds a text of the process, with its NUL. */
static __attribute__((noinline)) void add_text(struct scratch *s, u64 addr)
{
	u32 at;
	s64 n;

	if (!s || !addr)
		return;
	at = s->end;
	if (at > ROOM)
		return;
	n = read_user_str(s->b + at + sizeof(struct chunk), PATH_MAX_, (void *)addr);
	if (n > 0 && n <= PATH_MAX_)
		end_chunk(s, (void *)(s->b + at), addr, n);
}

/* add_kernel_text adds a text of the kernel, as a chunk at address 0. */
static __attribute__((noinline)) void add_kernel_text(struct scratch *s, const void *from)
{
	u32 at;
	s64 n;

	if (!s || !from)
		return;
	at = s->end;
	if (at > ROOM)
		return;
	n = read_kernel_str(s->b + at + sizeof(struct chunk), PATH_MAX_, from);
	if (n > 0 && n <= PATH_MAX_)
		end_chunk(s, (void *)(s->b + at), 0, n);
}

/* view_of tells apart what threads see under one path: above a number for their root directory, below their
 * mount namespace. It is 0 for a thread that is about to be gone. */
INLINE u64 view_of(struct task_struct *t)
{
	struct inode *i;
	u64 root;

	if (!t->fs || !t->nsproxy)
		return 0;
	i = t->fs->root.dentry->d_inode;
	root = (i->i_ino ^ (u64)i->i_sb->s_dev << 32) * 0x9e3779b97f4a7c15ULL >> 32;
	return (root | 1) << 32 | (HAS(ns_common, inum) ? t->nsproxy->mnt_ns->ns.inum : 0);
}

INLINE void read_head(struct scratch *s, u16 what, struct task_struct *t)
{
	struct head *h = (void *)s->b;

	h->what = what;
	h->nr = 0;
	h->cpu = processor();
	h->lost = s->lost;
	h->enter = 0;
	h->exit = ktime_ns();
	h->tgid = t->tgid;
	h->tid = t->pid;
	h->uid = t->cred->uid.val;
	h->parent = t->real_parent->tgid;
	h->cgroup = t->cgroups->dfl_cgrp->kn->id;
	((u64 *)h->comm)[0] = ((const volatile u64 *)t->comm)[0];
	((u64 *)h->comm)[1] = ((const volatile u64 *)t->comm)[1];
	h->ret = 0;
	h->sections = h->chunks = 0;
	h->view = view_of(t);
}
