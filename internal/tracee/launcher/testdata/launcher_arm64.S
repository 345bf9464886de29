// As launcher_amd64.S, for arm64.
	.globl _start
_start:
	mov	x19, sp
	mov	x0, #3			// read(3, stack, 1)
	sub	x1, sp, #64
	mov	x2, #1
	mov	x8, #63
	svc	#0
	cmp	x0, #1
	b.ne	fail
	mov	x0, #3			// close(3)
	mov	x8, #57
	svc	#0
	mov	w0, #-1			// personality(0xffffffff): query
	mov	x8, #92
	svc	#0
	orr	w0, w0, #0x40000	// ADDR_NO_RANDOMIZE
	mov	x8, #92
	svc	#0
	mov	x0, #38			// prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	mov	x1, #1
	mov	x2, #0
	mov	x3, #0
	mov	x4, #0
	mov	x8, #167
	svc	#0
	adr	x2, prog
	ldrh	w3, [x2]
	cbz	w3, become
	mov	x0, #1			// seccomp(SECCOMP_SET_MODE_FILTER, 0, prog)
	mov	x1, #0
	mov	x8, #277
	svc	#0
	cbnz	w0, fail
become:
	ldr	x3, [x19]		// argc
	ldr	x0, [x19, #16]
	add	x1, x19, #24
	add	x2, x19, x3, lsl #3
	add	x2, x2, #16
	mov	x8, #221		// execve(argv[1], argv+2, envp)
	svc	#0
fail:
	mov	x0, #127
	mov	x8, #94			// exit_group(127)
	svc	#0
	.balign	8
prog:					// struct sock_fprog, then the filter: written by Go
