// As launcher_amd64.S, for arm64.
	.globl _start
_start:
	adr	x19, prog
	ldr	x19, [x19, #-8]		// the area
	mov	x0, #3			// read(3, area+176, 1)
	add	x1, x19, #176
	mov	x2, #1
	mov	x8, #63
	svc	#0
	cmp	x0, #1
	b.ne	fail
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
	cbz	w3, next
	mov	x0, #1			// seccomp(SECCOMP_SET_MODE_FILTER, 0, prog)
	mov	x1, #0
	mov	x8, #277
	svc	#0
	cbnz	w0, fail
next:
	mov	x0, #3			// recvmsg(3, area+64, MSG_CMSG_CLOEXEC)
	add	x1, x19, #64
	mov	x2, #0x40000000
	mov	x8, #212
	svc	#0
	cmp	x0, #0
	b.le	fail
	mov	x0, #0xc111		// clone(VM|VFORK|PARENT|SIGCHLD, 0, 0, 0, 0)
	mov	x1, #0
	mov	x2, #0
	mov	x3, #0
	mov	x4, #0
	mov	x8, #220
	svc	#0
	cmp	x0, #0
	b.lt	fail
	b.eq	child
	ldr	w0, [x19, #144]		// close the standard files
	mov	x8, #57
	svc	#0
	ldr	w0, [x19, #148]
	svc	#0
	ldr	w0, [x19, #152]
	svc	#0
	b	next
child:
	ldr	w0, [x19, #144]		// dup3(file, 0, 0) and so on
	mov	x1, #0
	mov	x2, #0
	mov	x8, #24
	svc	#0
	ldr	w0, [x19, #148]
	mov	x1, #1
	svc	#0
	ldr	w0, [x19, #152]
	mov	x1, #2
	svc	#0
	mov	x0, #3			// close(3)
	mov	x8, #57
	svc	#0
	ldr	w8, [x19, #32]		// setpgid(0, 0), setsid(), or nothing
	cbz	w8, enter
	mov	x0, #0
	mov	x1, #0
	svc	#0
enter:
	ldr	x0, [x19, #24]		// chdir(directory)
	mov	x8, #49
	svc	#0
	str	x0, [x19, #40]
	cbnz	w0, fail
	ldr	x0, [x19]
	ldr	x1, [x19, #8]
	ldr	x2, [x19, #16]
	mov	x8, #221		// execve(path, argv, envp)
	b	become
fail:
	mov	x0, #127
	mov	x8, #94			// exit_group(127)
	svc	#0
become:
	svc	#0
	mov	x0, #127
	mov	x8, #94
	svc	#0
	.balign	8
	.quad	0			// address of the area
prog:					// struct sock_fprog, then the filter: written by Go
