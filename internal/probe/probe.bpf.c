//go:build ignore

/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Watches file system calls. Nothing here knows a system call's number: what is
 * to be kept of each comes from the table of package op, as a plan. */
#include "kernel.bpf.h"

char _license[] SEC("license") = "GPL";

#include "object.bpf.h"
#include "call.bpf.h"
#include "life.bpf.h"
#include "hook.bpf.h"
#include "there.bpf.h"
