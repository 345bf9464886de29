# The launcher: what a run under control starts as. It waits until it has been
# seized, gives up privilege gains and address randomisation, installs the
# filter and becomes the command. argv: launcher, path, argv[0] of the command, …
# Descriptor 3 is the pipe on which the tracer says "seized".
# The bytes are in code_amd64.go; TestCode holds them equal where as(1) is.
	.intel_syntax noprefix
	.globl _start
_start:
	mov	rbx, rsp
	xor	eax, eax		# read(3, stack, 1)
	mov	edi, 3
	lea	rsi, [rsp-64]
	mov	edx, 1
	syscall
	cmp	eax, 1			# the tracer is gone: so are we
	jne	fail
	mov	eax, 3			# close(3)
	mov	edi, 3
	syscall
	mov	eax, 135		# personality(0xffffffff): query
	mov	edi, -1
	syscall
	mov	edi, eax
	or	edi, 0x40000		# ADDR_NO_RANDOMIZE
	mov	eax, 135
	syscall
	mov	eax, 157		# prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	mov	edi, 38
	mov	esi, 1
	xor	edx, edx
	xor	r10d, r10d
	xor	r8d, r8d
	syscall
	lea	rdx, [rip+prog]
	cmp	word ptr [rdx], 0	# no filter: every call stops instead
	je	become
	mov	eax, 317		# seccomp(SECCOMP_SET_MODE_FILTER, 0, prog)
	mov	edi, 1
	xor	esi, esi
	syscall
	test	eax, eax
	jnz	fail
become:
	mov	rcx, [rbx]		# argc
	mov	rdi, [rbx+16]
	lea	rsi, [rbx+24]
	lea	rdx, [rbx+rcx*8+16]
	mov	eax, 59			# execve(argv[1], argv+2, envp)
	syscall
fail:
	mov	edi, 127
	mov	eax, 231		# exit_group(127)
	syscall
	.balign	8
prog:					# struct sock_fprog, then the filter: written by Go
