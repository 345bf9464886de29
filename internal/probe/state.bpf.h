/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the programs share: the plan, the maps, the filter. */
#pragma once
#include "event.bpf.h"

enum { CALLS = 512, VALUES = 16, TESTS = 2, ROOM = 12000, SCRATCH = 16384, PATH_MAX_ = 4096, DATA_MAX = 256, IOV_MAX_ = 16 };

struct test {
	u32 arg, count;
	u64 mask;
	u32 values[VALUES];
};

enum start { NOWHERE, AT_CWD, AT_DESCRIPTOR, CWD_AFTERWARDS };

/* plan says what to keep of one system call. Indices are of arguments; NONE
 * means that there is no such argument. */
struct plan {
	u8 wanted, tests, returns, scan; /* wanted: 2 whatever the paths are */
	u8 fd, fd2, data, length, iov, count;
	u8 text[2], start[2], dir[2];
	u8 fixed[2], size[2], pair, status; /* status: the descriptor's new flags */
	u8 seek, whence; /* where to, and from where */
	u8 whom;         /* the process that is sent a signal */
	u8 vain, pad[6]; /* vain: no index, but an errno: a call that fails with it tells nothing */
	struct test test[TESTS];
};
enum { NONE = 7, ALWAYS = 2 };
enum { RETURNS_FD = 1, RETURNS_NAME = 2 };

const volatile struct plan plans[CALLS];
const volatile u64 wake_at; /* bytes in the ring at which the reader is woken */
const volatile bool never_cast; /* do without CAST, as before Linux 6.2 */
const volatile bool only_marked, only_uid, only_comm, only_cgroup, no_idle;
const volatile u32 uid_wanted, cgroup_level;
const volatile u64 cgroup_wanted;
const volatile u8 comms[8][16];
u32 self; /* the watcher, which is never watched */

/* pending is the call that a thread is in, and what else is known of the thread. */
struct pending {
	u64 enter;
	u64 args[8];
	u16 nr;
	u8 active, marked, hooked, reached_known;
	u8 about, pad; /* about: it passes the filter by paths */
	struct handle fd, fd2;
	struct entry entry[2];
	u64 fresh[2]; /* dentries whose file is read when the call returns */
	struct object reached;
};

struct {
	__uint(type, MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, F_NO_PREALLOC);
	__type(key, s32);
	__type(value, struct pending);
} calls SEC(".maps");

struct {
	__uint(type, MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24);
} events SEC(".maps");

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} lost SEC(".maps");

/* scratch is where an event is put together. Where its end is stands in the map,
 * so that the verifier takes it for any number: were it kept in a register, every
 * section that may be there or not would double the states to check. */
struct scratch {
	u64 busy, lost, sent;
	u64 file, mnt, dentry; /* what the filter by paths looks at */
	u32 end, sections;
	u8 b[SCRATCH];
};

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

INLINE void lose(void)
{
	u32 zero = 0;
	u64 *n = map_lookup(&lost, &zero);
	if (n)
		(*n)++;
}

/* borrow takes the processor's scratch. Tracepoints run with preemption off; were
 * that to change, a program that comes in between loses its event and says so. */
INLINE struct scratch *borrow(void)
{
	u32 zero = 0;
	struct scratch *s = map_lookup(&scratches, &zero);
	if (!s)
		return NULL;
	if (s->busy) {
		s->lost++;
		lose();
		return NULL;
	}
	s->busy = 1;
	s->end = sizeof(struct head);
	s->sections = 0;
	return s;
}

/* send hands what is in the scratch to the reader and gives the scratch back.
 * The reader looks by itself several times a second; it is woken only when the
 * ring fills, as a wake-up for every event would cost more than the event. */
INLINE void send(struct scratch *s)
{
	u32 size = s->end;
	u64 wake = RB_NO_WAKEUP;

	if (!(s->sent++ & 15) && ring_query(&events, RB_AVAIL_DATA) > wake_at)
		wake = RB_FORCE_WAKEUP;
	if (size > SCRATCH || ring_output(&events, s->b, size, wake)) {
		s->lost++;
		lose();
	}
	s->busy = 0;
}

INLINE bool foreign(struct task_struct *t)
{
#if defined(__TARGET_ARCH_x86)
	return t->thread_info.status & 2; /* TS_COMPAT */
#else
	return t->thread_info.flags & (1 << 22); /* TIF_32BIT */
#endif
}

/* itself tells whether a process id is that of the process that the thread belongs to, as far as
 * that can be told without a look at namespaces. */
INLINE bool itself(struct task_struct *t, u64 pid)
{
	return (s32)pid == t->tgid && t->thread_pid->level == 0;
}

INLINE bool named(void)
{
	u8 comm[16];

	if (current_comm(comm, sizeof(comm)))
		return false;
	for (int k = 0; k < 8; k++) {
		bool same = comms[k][0] != 0;
		for (int i = 0; i < 16 && same; i++) {
			if (comm[i] != comms[k][i])
				same = false;
			if (!comm[i])
				break;
		}
		if (same)
			return true;
	}
	return false;
}

/* watched is the filter but for the marks: of the thread that runs. */
INLINE bool watched(struct task_struct *t)
{
	if (t->tgid == self)
		return false;
	if (only_uid && t->cred->uid.val != uid_wanted)
		return false;
	if (only_cgroup && ancestor_cgroup(cgroup_level) != cgroup_wanted)
		return false;
	return !only_comm || named();
}

INLINE bool matches(const volatile struct plan *p, u64 *args)
{
	for (u32 k = 0; k < TESTS; k++) {
		if (k >= p->tests)
			break;
		const volatile struct test *t = &p->test[k];
		u64 v = args[t->arg & 7] & t->mask;
		bool hit = false;
		for (u32 i = 0; i < VALUES; i++)
			if (i < t->count && v == t->values[i])
				hit = true;
		if (!hit)
			return false;
	}
	return true;
}
