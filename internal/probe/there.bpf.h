/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What was there when the watching began. */

/* mark gives a thread the mark of its process, or that of the nearest ancestor
 * whose tree is watched. */
INLINE struct pending *mark(struct task_struct *t)
{
	struct pending *p = storage_get(&calls, t, NULL, 0);
	struct task_struct *up = t->group_leader;

	if (p && p->marked)
		return p;
	for (int i = 0; i < 64 && up; i++) {
		struct pending *q = storage_get(&calls, up, NULL, 0);
		if (q && q->marked && (q->marked == 2 || up == t->group_leader)) {
			p = storage_get(&calls, t, NULL, STORAGE_CREATE);
			if (p)
				p->marked = q->marked;
			return p;
		}
		if (up->pid <= 1)
			break;
		up = up->real_parent;
	}
	return NULL;
}

INLINE void tell(struct there *r, struct task_struct *t, s32 fd)
{
	r->time = ktime_ns();
	r->tgid = t->tgid;
	r->tid = t->pid;
	r->parent = t->real_parent->tgid;
	r->uid = t->cred->uid.val;
	r->fd = fd;
	r->cloexec = 0;
	r->view = view_of(t);
	read_kernel(r->comm, sizeof(r->comm), t->comm);
}

SEC("iter/task")
int processes(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct there r = {};

	self = pid_tgid() >> 32;
	if (!t || t->flags & PF_KTHREAD_)
		return 0;
	if (t->tgid == self) {
		if (t->pid == self) {
			tell(&r, t, -2);
			seq_write(ctx->meta->seq, &r, sizeof(r));
		}
		return 0;
	}
	if (only_marked && !mark(t))
		return 0;
	if (t->pid != t->tgid)
		return 0;
	tell(&r, t, -1);
	seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

SEC("iter/task_file")
int descriptors(struct bpf_iter__task_file *ctx)
{
	struct task_struct *t = ctx->task;
	struct file *f = ctx->file;
	struct there r = {};
	unsigned long word = 0;

	if (!t || !f || t->flags & PF_KTHREAD_ || t->tgid == self)
		return 0;
	if (only_marked) {
		struct pending *p = storage_get(&calls, t, NULL, 0);
		if (!p || !p->marked)
			return 0;
	}
	tell(&r, t, ctx->fd);
	read_handle(&r.handle, f);
	read_kernel(&word, sizeof(word), t->files->fdt->close_on_exec + (ctx->fd >> 6));
	r.cloexec = word >> (ctx->fd & 63) & 1;
	seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}
