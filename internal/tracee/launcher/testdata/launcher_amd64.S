# The launcher: what runs under control start from. It waits until it has been
# seized, gives up privilege gains and address randomisation and installs the
# filter, once. Then it makes one child after the other, each of which becomes a
# command: the order lies in the area, put there by the tracer, and the three
# standard files come over the socket, descriptor 3. There is no stack: the child
# shares the memory until it has become the command (vfork).
# The bytes are in code_amd64.go; TestCode holds them equal where as(1) is.
# The filter lets through what is called from before "become", launcher.Exempt.
	.intel_syntax noprefix
	.globl _start
_start:
	lea	rbx, [rip+prog]
	mov	rbx, [rbx-8]		# the area
	xor	eax, eax		# read(3, area+176, 1)
	mov	edi, 3
	lea	rsi, [rbx+176]
	mov	edx, 1
	syscall
	cmp	eax, 1			# the tracer is gone: so are we
	jne	fail
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
	je	next
	mov	eax, 317		# seccomp(SECCOMP_SET_MODE_FILTER, 0, prog)
	mov	edi, 1
	xor	esi, esi
	syscall
	test	eax, eax
	jnz	fail
next:
	mov	eax, 47			# recvmsg(3, area+64, MSG_CMSG_CLOEXEC)
	mov	edi, 3
	lea	rsi, [rbx+64]
	mov	edx, 0x40000000
	syscall
	test	eax, eax
	jle	fail
	mov	eax, 56			# clone(VM|VFORK|PARENT|SIGCHLD, 0, 0, 0, 0)
	mov	edi, 0xc111
	xor	esi, esi
	xor	edx, edx
	xor	r10d, r10d
	xor	r8d, r8d
	syscall
	test	eax, eax
	js	fail
	jz	child
	mov	eax, 3			# close the standard files
	mov	edi, [rbx+144]
	syscall
	mov	eax, 3
	mov	edi, [rbx+148]
	syscall
	mov	eax, 3
	mov	edi, [rbx+152]
	syscall
	jmp	next
child:
	mov	eax, 292		# dup3(file, 0, 0) and so on
	mov	edi, [rbx+144]
	xor	esi, esi
	xor	edx, edx
	syscall
	mov	eax, 292
	mov	edi, [rbx+148]
	mov	esi, 1
	xor	edx, edx
	syscall
	mov	eax, 292
	mov	edi, [rbx+152]
	mov	esi, 2
	xor	edx, edx
	syscall
	mov	eax, 3			# close(3)
	mov	edi, 3
	syscall
	mov	eax, [rbx+32]		# setpgid(0, 0), setsid(), or nothing
	test	eax, eax
	jz	enter
	xor	edi, edi
	xor	esi, esi
	syscall
enter:
	mov	eax, 80			# chdir(directory)
	mov	rdi, [rbx+24]
	syscall
	mov	[rbx+40], rax
	test	eax, eax
	jnz	fail
	mov	rdi, [rbx]
	mov	rsi, [rbx+8]
	mov	rdx, [rbx+16]
	mov	eax, 59			# execve(path, argv, envp)
	jmp	become
fail:
	mov	edi, 127
	mov	eax, 231		# exit_group(127)
	syscall
become:
	syscall
	mov	edi, 127
	mov	eax, 231
	syscall
	.balign	8
	.quad	0			# address of the area
prog:					# struct sock_fprog, then the filter: written by Go
