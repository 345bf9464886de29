package op

import (
	"strconv"
	"strings"
)

// Errors of the kernel by number, from 1 (asm-generic/errno-base.h, errno.h).
var errnoNames = strings.Fields(`
EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST
EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM
ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG
EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA ETIME ENOSR ENONET
ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG
ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE
EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE
EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN
ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL
EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD
ENOTRECOVERABLE ERFKILL EHWPOISON`)

// ErrnoName returns the name of an error number, such as ENOENT.
func ErrnoName(errno int) string {
	if errno >= 1 && errno <= len(errnoNames) && errnoNames[errno-1] != "-" {
		return errnoNames[errno-1]
	}
	return "error " + strconv.Itoa(errno)
}

// Error numbers that this package gives a meaning.
const (
	eNOENT    = 2
	eBADF     = 9
	eAGAIN    = 11
	eACCES    = 13
	eTXTBSY   = 26
	eNOTEMPTY = 39
)

// errnoWords says in plain words what went wrong, for the errors that people meet.
var errnoWords = map[int]string{
	1: "not permitted", eNOENT: "no such file", 3: "no such process", 4: "interrupted", 5: "input/output error",
	eBADF: "not open", 10: "no child", eAGAIN: "try again", eACCES: "permission denied", 16: "busy", 17: "exists already",
	18: "on another file system", 20: "not a directory", 21: "is a directory", 22: "invalid", 24: "too many open files",
	eTXTBSY: "program is being written", 27: "file too big", 28: "disk full", 30: "read-only file system",
	32: "nobody reads it", 35: "would deadlock", eNOTEMPTY: "not empty", 40: "too many symbolic links",
}

// errorWords says why the operation failed.
func (o *Op) errorWords() string {
	e := o.Errno()
	if o.Kind == LockOp && (e == eAGAIN || e == eACCES) { // POSIX lets F_SETLK say either
		return "is locked"
	}
	if w, ok := errnoWords[e]; ok {
		return w
	}
	return ErrnoName(e)
}
