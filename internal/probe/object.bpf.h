/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Reading the kernel's files, and appending what was read to an event. */
#pragma once
#include "state.bpf.h"

static __attribute__((noinline)) void read_object(struct object *o, struct inode *i)
{
	struct super_block *sb = NULL;
	unsigned long ino = 0, magic = 0;

	o->known = 0;
	if (!i || READ(ino, i, i_ino) || READ(sb, i, i_sb))
		return;
	o->ino = ino;
	READ(o->size, i, i_size);
	READ(o->mode, i, i_mode);
	READ(o->gen, i, i_generation);
	READ(o->nlink, i, i_nlink);
	READ(o->dev, sb, s_dev);
	READ(magic, sb, s_magic);
	o->magic = magic;
	o->pad = 0;
	o->known = 1;
}

static __attribute__((noinline)) void read_handle(struct handle *h, struct file *f)
{
	struct inode *i = NULL;

	h->object.known = 0;
	h->file = (u64)f;
	if (!f || READ(i, f, f_inode) || !i)
		return;
	READ(h->mode, f, f_mode);
	READ(h->flags, f, f_flags);
	READ(h->was_pos, f, f_pos);
	h->pos = h->was_pos;
	read_object(&h->object, i);
	h->was_size = h->object.size;
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

	if (!f || (u64)f != h->file || READ(i, f, f_inode))
		return false;
	READ(h->pos, f, f_pos);
	READ(h->flags, f, f_flags);
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

static __attribute__((noinline)) void add_handle(struct scratch *s, u32 section, struct handle *from)
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

INLINE void read_head(struct head *h, u16 what, struct task_struct *t)
{
	u32 zero = 0;
	u64 id = pid_tgid(), *n = map_lookup(&lost, &zero);

	h->what = what;
	h->nr = 0;
	h->cpu = processor();
	h->lost = n ? *n : 0;
	h->enter = 0;
	h->exit = ktime_ns();
	h->tgid = id >> 32;
	h->tid = id;
	h->uid = uid_gid();
	h->parent = t->real_parent->tgid;
	h->cgroup = cgroup_id();
	current_comm(h->comm, sizeof(h->comm));
	h->ret = 0;
	h->sections = h->chunks = 0;
}
