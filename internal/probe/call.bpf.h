/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* One event for each call, written when the call returns. */
#include "under.bpf.h"
#include "sum.bpf.h"

INLINE void read_args(u64 *args, struct pt_regs *r)
{
#if defined(__TARGET_ARCH_x86)
	args[0] = r->di, args[1] = r->si, args[2] = r->dx;
	args[3] = r->r10, args[4] = r->r8, args[5] = r->r9;
#else
	args[0] = r->regs[0], args[1] = r->regs[1], args[2] = r->regs[2];
	args[3] = r->regs[3], args[4] = r->regs[4], args[5] = r->regs[5];
#endif
	args[6] = args[7] = 0;
}

enum { F_SETFL_ = 4, O_APPEND_ = 02000, SEEK_CUR_ = 1 };

/* idle is a call of which nothing follows for others: one that gives an open file description the
 * flags that it has, as far as they make a difference (programs turn O_NONBLOCK on and off at each
 * file they open), asks where its offset is, or sends a signal to the process itself (as Go's runtime
 * does to stop its threads). */
INLINE bool idle(const volatile struct plan *plan, struct pending *p, struct task_struct *t)
{
	if (plan->status != NONE)
		return (u32)p->args[1] == F_SETFL_ && p->fd.object.known &&
		       !((p->fd.flags ^ p->args[plan->status & 7]) & O_APPEND_);
	if (plan->seek != NONE)
		return (u32)p->args[plan->whence & 7] == SEEK_CUR_ && !p->args[plan->seek & 7];
	return plan->whom != NONE && itself(t, p->args[plan->whom & 7]);
}

SEC("tp_btf/sys_enter")
int enter(u64 *ctx)
{
	struct pt_regs *regs = (void *)ctx[0];
	u64 nr = ctx[1];
	struct task_struct *t = current_task();
	struct pending *p;

	if (nr >= CALLS || !plans[nr].wanted)
		return 0;
	const volatile struct plan *plan = &plans[nr];
	p = storage_get(&calls, t, NULL, 0);
	if (p)
		p->active = 0;
	if (only_marked && !(p && p->marked))
		return 0;
	if (foreign(t) || !watched(t))
		return 0;
	if (!p) {
		p = storage_get(&calls, t, NULL, STORAGE_CREATE);
		if (!p) {
			lose();
			return 0;
		}
	}
	read_args(p->args, regs);
	if (plan->tests && !matches(plan, p->args))
		return 0;
	p->nr = nr;
	p->hooked = p->reached_known = 0;
	if (plan->fd != NONE)
		read_handle(&p->fd, descriptor(t, p->args[plan->fd & 7]));
	if (no_idle && idle(plan, p, t))
		return 0;
	if (plan->fd2 != NONE)
		read_handle(&p->fd2, descriptor(t, p->args[plan->fd2 & 7]));
	p->about = !prefix_count || plan->wanted == ALWAYS ||
		   (plan->fd != NONE && about_descriptor(t, p->args[plan->fd & 7])) ||
		   (plan->fd2 != NONE && about_descriptor(t, p->args[plan->fd2 & 7]));
	p->active = 1;
	p->enter = ktime_ns();
	return 0;
}

/* add_returned adds what the call opened, and the directory that holds the name. */
static __attribute__((noinline)) void add_returned(struct scratch *s, struct task_struct *t, s64 fd, bool name)
{
	struct file *f = descriptor(t, fd);
	struct handle *h;

	if (!s || !f)
		return;
	h = room(s, sizeof(*h));
	if (!h)
		return;
	read_handle(h, f);
	s->sections |= HAS_NEW;
	if (name)
		add_object(s, HAS_PARENT, inode_above(dentry_of(f)));
}

enum { SECOND = 4 };

/* add_start adds the directory where a path starts if it is relative. Whether it
 * is, the reader sees: looking costs more than reading the directory. */
static __attribute__((noinline)) void add_start(struct scratch *s, struct task_struct *t, u32 how, s32 fd)
{
	struct inode *i = NULL;

	if (!s || !t)
		return;
	if ((how & 3) == AT_DESCRIPTOR && fd != AT_FDCWD_) {
		i = inode_of(descriptor(t, fd));
	} else if (t->fs) {
		i = t->fs->pwd.dentry->d_inode;
	}
	add_object(s, how & SECOND ? HAS_START2 : HAS_START, i);
}

/* settle reads the file that a new entry leads to, if the dentry is still the one
 * that the hook saw: one with that directory above it. */
static __attribute__((noinline)) void settle(struct entry *e, u64 dentry)
{
	struct dentry *d = (void *)dentry;
	struct object above = {};

	if (!e || !d)
		return;
	read_object(&above, inode_above(d));
	if (above.known && above.ino == e->dir.ino)
		read_object(&e->object, inode_at(d));
}

/* written tells where lies what was written to a regular file: address and length of two stretches. */
INLINE bool written(u64 *vec, struct pending *p, const volatile struct plan *plan, s64 ret)
{
	vec[0] = vec[1] = vec[2] = vec[3] = 0;
	if (ret <= 0 || !p->fd.object.known || (p->fd.object.mode & 0170000) != 0100000)
		return false;
	if (plan->iov == NONE) {
		vec[0] = p->args[plan->data & 7];
		vec[1] = p->args[plan->length & 7];
		return true;
	}
	return !read_user(vec, p->args[plan->count & 7] > 1 ? 4 * sizeof(*vec) : 2 * sizeof(*vec), (void *)p->args[plan->iov & 7]);
}

INLINE void add_sections(struct scratch *s, struct task_struct *t, struct pending *p, const volatile struct plan *plan, s64 ret)
{
	if (plan->fd != NONE && p->fd.object.known) {
		if (!refresh(&p->fd, t, p->args[plan->fd & 7]))
			s->sections |= CHANGED_FD;
		add_handle(s, HAS_FD, &p->fd);
	}
	if (plan->fd2 != NONE && p->fd2.object.known) {
		refresh(&p->fd2, t, p->args[plan->fd2 & 7]);
		add_handle(s, HAS_FD2, &p->fd2);
	}
	if (plan->returns & RETURNS_FD && ret >= 0)
		add_returned(s, t, ret, plan->returns & RETURNS_NAME);
	if (plan->pair != NONE && ret == 0) {
		s32 fd = -1;
		if (!read_user(&fd, sizeof(fd), (void *)p->args[plan->pair & 7]))
			add_returned(s, t, fd, false);
	}
	for (int k = 0; k < 2; k++) {
		u32 how = plan->start[k];
		if (how != NOWHERE && (how != CWD_AFTERWARDS || ret == 0))
			add_start(s, t, k ? how | SECOND : how, p->args[plan->dir[k] & 7]);
	}
	for (int k = 0; k < 2; k++) {
		if (p->hooked > k) {
			settle(&p->entry[k], p->fresh[k]);
			add_entry(s, k ? HAS_ENTRY2 : HAS_ENTRY, &p->entry[k]);
		}
	}
	if (p->reached_known) {
		struct object *o = room(s, sizeof(*o));
		if (o) {
			*o = p->reached;
			s->sections |= HAS_REACHED;
		}
	}
	if (plan->scan && ret > DATA_MAX && ret <= SUM_MAX) {
		u64 vec[4];
		if (written(vec, p, plan, ret))
			add_sum(s, vec, ret);
	}
}

/* add_opened_name adds the last component of the name by which a file was opened. */
INLINE void add_opened_name(struct scratch *s, struct task_struct *t, s64 fd)
{
	struct dentry *d = dentry_of(descriptor(t, fd));
	const unsigned char *name = NULL;

	if (!d)
		return;
	if (may_cast)
		name = CAST(dentry, d)->d_name.name;
	else
		READ(name, d, d_name.name);
	add_kernel_text(s, name);
}

/* add_written keeps the beginning of what was written to a regular file, so that
 * writers of equal bytes can be told from writers of others. */
INLINE void add_written(struct scratch *s, struct pending *p, const volatile struct plan *plan, s64 ret)
{
	u64 vec[4];

	if (written(vec, p, plan, ret))
		add_chunk(s, vec[0], vec[1] > (u64)ret ? (u64)ret : vec[1]);
}

INLINE void add_chunks(struct scratch *s, struct task_struct *t, struct pending *p, const volatile struct plan *plan, s64 ret)
{
	for (int k = 0; k < 2; k++) {
		if (plan->text[k] != NONE)
			add_text(s, p->args[plan->text[k] & 7]);
		/* what is no address (fcntl's flags, lease types) lies below the first page */
		if (plan->fixed[k] != NONE && p->args[plan->fixed[k] & 7] >= 4096)
			add_chunk(s, p->args[plan->fixed[k] & 7], plan->size[k]);
	}
	if (plan->iov != NONE) {
		u64 n = p->args[plan->count & 7];
		if (n > 0 && n <= IOV_MAX_)
			add_chunk(s, p->args[plan->iov & 7], n * 16);
	}
	if (plan->scan)
		add_written(s, p, plan, ret);
	if (plan->returns & RETURNS_NAME && ret >= 0)
		add_opened_name(s, t, ret);
}

/* passes is the filter by paths, and has later calls on what an open returned pass, too. */
INLINE bool passes(struct scratch *s, struct task_struct *t, struct pending *p, const volatile struct plan *plan, s64 ret)
{
	struct file *f = NULL;

	if (plan->returns & RETURNS_FD && ret >= 0)
		f = descriptor(t, ret);
	s->file = (u64)f;
	if (!p->about && !about_paths(s, p->args, plan) && !under(s))
		return false;
	if (plan->returns & RETURNS_NAME)
		mark_description(f);
	return true;
}

SEC("tp_btf/sys_exit")
int leave(u64 *ctx)
{
	s64 ret = ctx[1];
	struct task_struct *t = current_task();
	struct pending *p = storage_get(&calls, t, NULL, 0);
	struct scratch *s;

	if (!p || !p->active)
		return 0;
	p->active = 0;
	/* ERESTARTSYS and its kin: the call starts anew, or a handler runs first */
	if (ret <= -512 && ret >= -516)
		return 0;
	const volatile struct plan *plan = &plans[p->nr & (CALLS - 1)];
	if (no_idle && plan->vain && ret == -(s64)plan->vain)
		return 0;
	s = borrow();
	if (!s)
		return 0;
	if (prefix_count && !passes(s, t, p, plan, ret)) {
		s->busy = 0;
		return 0;
	}
	struct head *h = (void *)s->b;
	s->end = sizeof(*h);
	read_head(s, CALL, t);
	h->nr = p->nr;
	h->enter = p->enter;
	h->ret = ret;
	__builtin_memcpy(h->args, p->args, sizeof(h->args));
	add_sections(s, t, p, plan, ret);
	h->sections = s->sections;
	u32 before = s->end;
	add_chunks(s, t, p, plan, ret);
	h->chunks = s->end - before;
	send(s);
	return 0;
}
