/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Moments of a process's life. */

/* moment begins the event of a thread that is watched; NULL if it is not, or the
 * event is lost. */
INLINE struct scratch *moment(struct task_struct *t, struct pending *p, u16 what)
{
	struct scratch *s;

	if (only_marked && !(p && p->marked))
		return NULL;
	if (!watched(t))
		return NULL;
	s = borrow();
	if (s)
		read_head(s, what, t);
	return s;
}

SEC("tp_btf/sched_process_fork")
int born(u64 *ctx)
{
	struct task_struct *parent = (void *)ctx[0], *child = (void *)ctx[1];
	struct pending *p = storage_get(&calls, parent, NULL, 0);
	bool thread = parent->tgid == child->tgid;
	struct scratch *s;
	u64 flags = 0;

	if (only_marked) {
		if (!p || !p->marked || (p->marked == 1 && !thread))
			return 0;
		struct pending *c = storage_get(&calls, child, NULL, STORAGE_CREATE);
		if (!c) {
			lose();
			return 0;
		}
		c->marked = p->marked;
	}
	if (!watched(parent))
		return 0;
	s = borrow();
	if (!s)
		return 0;
	struct head *h = (void *)s->b;
	read_head(s, BORN, parent);
	h->parent = h->tgid;
	h->tgid = child->tgid;
	h->tid = child->pid;
	if (parent->mm == child->mm)
		flags |= 0x100;
	if (parent->fs == child->fs)
		flags |= 0x200;
	if (parent->files == child->files)
		flags |= 0x400;
	if (child->vfork_done)
		flags |= 0x4000;
	if (thread)
		flags |= 0x10000;
	h->args[0] = flags;
	send(s);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int execed(u64 *ctx)
{
	struct task_struct *t = (void *)ctx[0];
	struct linux_binprm *b = (void *)ctx[2];
	struct pending *p = storage_get(&calls, t, NULL, 0);
	struct scratch *s = moment(t, p, EXECED);
	u32 before;

	if (!s)
		return 0;
	struct head *h = (void *)s->b;
	/* of a script, this is the interpreter */
	if (b->filename == b->interp && b->file)
		add_object(s, HAS_REACHED, b->file->f_inode);
	h->sections = s->sections;
	before = s->end;
	add_kernel_text(s, b->filename);
	h->chunks = s->end - before;
	send(s);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int ended(u64 *ctx)
{
	struct task_struct *t = (void *)ctx[0];
	struct pending *p = storage_get(&calls, t, NULL, 0);
	struct scratch *s;

	if (p)
		p->active = 0;
	s = moment(t, p, ENDED);
	if (!s)
		return 0;
	struct head *h = (void *)s->b;
	h->ret = t->signal->flags & SIGNAL_GROUP_EXIT_ ? t->signal->group_exit_code : t->exit_code;
	h->args[0] = t->signal->live.counter; /* threads that are left */
	send(s);
	return 0;
}

enum { SI_USER_ = 0, SI_TKILL_ = -6 };

/* sent_itself is a signal that a thread of the process itself sent. */
INLINE bool sent_itself(struct task_struct *t, struct kernel_siginfo *info)
{
	s32 code = 1, pid = 0;

	READ(code, info, si_code);
	if (code != SI_USER_ && code != SI_TKILL_)
		return false;
	READ(pid, info, _sifields._kill._pid);
	return itself(t, pid);
}

SEC("tp_btf/signal_deliver")
int signalled(u64 *ctx)
{
	s32 sig = ctx[0];
	struct task_struct *t = current_task();
	struct pending *p = storage_get(&calls, t, NULL, 0);
	struct scratch *s;

	if (!p || (no_idle && sent_itself(t, (void *)ctx[1])))
		return 0;
	s = moment(t, p, SIGNALLED);
	if (!s)
		return 0;
	struct head *h = (void *)s->b;
	h->args[0] = sig;
	send(s);
	return 0;
}
