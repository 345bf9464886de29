package op

// processRows begin, end and signal processes.
var processRows = []Call{
	held("chdir", 80, 49, Chdir, ArgPath),
	held("fchdir", 81, 50, Chdir, ArgFD),
	held("pipe", 22, None, PipeOp, ArgFDPair),
	held("pipe2", 293, 59, PipeOp, ArgFDPair, ArgFlags),
	held("fork", 57, None, Fork),
	held("vfork", 58, None, Fork).sleeps().implies(CLONE_VM | CLONE_VFORK),
	held("clone", 56, 220, Fork, ArgClone, ArgPtr, ArgPtr, ArgPtr, ArgPtr).sleeps(),
	held("clone3", 435, 435, Fork, ArgCloneArgs, ArgInt).sleeps(),
	held("execve", 59, 221, Exec, ArgPath, ArgPtr, ArgPtr),
	held("execveat", 322, 281, Exec, ArgDirFD, ArgPath, ArgPtr, ArgPtr, ArgFlags),
	held("exit", 60, 93, Exit, ArgStatus),
	held("exit_group", 231, 94, Exit, ArgStatus),
	held("wait4", 61, 260, Wait, ArgPID, ArgWaitStatus, ArgFlags, ArgPtr).sleeps(),
	held("waitid", 247, 95, Wait, ArgInt, ArgPID, ArgSigInfo, ArgFlags, ArgPtr).sleeps(),
	held("kill", 62, 129, Kill, ArgPID, ArgSignal),
	held("tkill", 200, 130, Kill, ArgPID, ArgSignal),
	held("tgkill", 234, 131, Kill, ArgPID, ArgPID, ArgSignal),
	held("rt_sigqueueinfo", 129, 138, Kill, ArgPID, ArgSignal, ArgPtr),
	held("rt_tgsigqueueinfo", 297, 240, Kill, ArgPID, ArgPID, ArgSignal, ArgPtr),
	held("pidfd_send_signal", 424, 424, Kill, ArgFD, ArgSignal, ArgPtr, ArgFlags).note("the process is not looked up: it counts as any"),
}

// socketRows move data between processes. They are kept for the order they impose.
var socketRows = []Call{
	held("socket", 41, 198, SocketOp, ArgInt, ArgFlags, ArgInt).makesFD(),
	held("socketpair", 53, 199, SocketOp, ArgInt, ArgFlags, ArgInt, ArgFDPair),
	held("connect", 42, 203, SocketOp, ArgFD, ArgPtr, ArgLen).sleeps().
		note("the path of a Unix socket's address is not looked up"),
	held("accept", 43, 202, SocketOp, ArgFD, ArgPtr, ArgPtr).sleeps().makesFD(),
	held("accept4", 288, 242, SocketOp, ArgFD, ArgPtr, ArgPtr, ArgFlags).sleeps().makesFD(),
	held("sendto", 44, 206, Send, ArgFD, ArgBuf, ArgLen, ArgFlags, ArgPtr, ArgInt).sleeps(),
	held("sendmsg", 46, 211, Send, ArgFD, ArgPtr, ArgFlags).sleeps().note("descriptors passed along (SCM_RIGHTS) are not followed"),
	held("sendmmsg", 307, 269, Send, ArgFD, ArgPtr, ArgInt, ArgFlags).sleeps().note("as sendmsg"),
	held("recvfrom", 45, 207, Recv, ArgFD, ArgPtr, ArgLen, ArgFlags, ArgPtr, ArgPtr).sleeps(),
	held("recvmsg", 47, 212, Recv, ArgFD, ArgPtr, ArgFlags).sleeps().note("as sendmsg"),
	held("recvmmsg", 299, 243, Recv, ArgFD, ArgPtr, ArgInt, ArgFlags, ArgPtr).sleeps().note("as sendmsg"),
}

// sleepRows wait: for time, for descriptors, for a futex or for a signal.
// A poll or select without descriptors is a sleep by another name.
var sleepRows = []Call{
	held("getrandom", 318, 278, Random, ArgPtr, ArgLen, ArgFlags),
	held("nanosleep", 35, 101, Sleep, ArgTime, ArgPtr).sleeps(),
	held("clock_nanosleep", 230, 115, Sleep, ArgInt, ArgFlags, ArgTime, ArgPtr).sleeps(),
	held("poll", 7, None, Sleep, ArgPtr, ArgInt, ArgMillis).when(arg32(1, 0)).sleeps(),
	asleep("poll", 7, None, Poll, ArgPtr, ArgInt, ArgMillis),
	held("ppoll", 271, 73, Sleep, ArgPtr, ArgInt, ArgTime, ArgPtr, ArgInt).when(arg32(1, 0)).sleeps(),
	asleep("ppoll", 271, 73, Poll, ArgPtr, ArgInt, ArgTime, ArgPtr, ArgInt),
	held("select", 23, None, Sleep, ArgInt, ArgPtr, ArgPtr, ArgPtr, ArgTimeval).when(arg32(0, 0)).sleeps(),
	asleep("select", 23, None, Poll, ArgInt, ArgPtr, ArgPtr, ArgPtr, ArgTimeval),
	held("pselect6", 270, 72, Sleep, ArgInt, ArgPtr, ArgPtr, ArgPtr, ArgTime, ArgPtr).when(arg32(0, 0)).sleeps(),
	asleep("pselect6", 270, 72, Poll, ArgInt, ArgPtr, ArgPtr, ArgPtr, ArgTime, ArgPtr),
	asleep("epoll_wait", 232, None, Poll, ArgFD, ArgPtr, ArgInt, ArgMillis),
	asleep("epoll_pwait", 281, 22, Poll, ArgFD, ArgPtr, ArgInt, ArgMillis, ArgPtr, ArgInt),
	asleep("epoll_pwait2", 441, 441, Poll, ArgFD, ArgPtr, ArgInt, ArgTime, ArgPtr, ArgInt),
	asleep("futex", 202, 98, Futex, ArgPtr, ArgInt, ArgInt, ArgTime, ArgPtr, ArgInt),
	asleep("pause", 34, None, Pause),
	asleep("rt_sigsuspend", 130, 133, Pause, ArgPtr, ArgInt),
	held("alarm", 37, None, Timer, ArgInt),
	held("setitimer", 38, 103, Timer, ArgInt, ArgPtr, ArgPtr),
	held("timer_settime", 223, 110, Timer, ArgInt, ArgFlags, ArgPtr, ArgPtr),
	held("timerfd_settime", 286, 86, Timer, ArgFD, ArgFlags, ArgPtr, ArgPtr),
	held("io_uring_setup", 425, 425, Uring, ArgInt, ArgPtr).note("answered with ENOSYS: operations in the ring cannot be held"),
}
