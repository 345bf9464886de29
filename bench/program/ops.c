/* The measured program. `ops loop N` makes N file operations, N a multiple of ten;
 * `ops three N` has three processes make N each, side by side, and waits for them.
 * The directory is left as it was but for the file "shared". */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static int check(int result) {
	if (result < 0)
		_exit(1);
	return result;
}

static void ten(const char *own, const char *moved) {
	char byte = 'x';
	int fd = check(open("shared", O_RDWR | O_CREAT | O_CLOEXEC, 0644));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno != EWOULDBLOCK)
		_exit(1);
	check(pread(fd, &byte, 1, 0));
	check(pwrite(fd, &byte, 1, 0));
	check(flock(fd, LOCK_UN));
	check(close(fd));
	fd = check(open(own, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
	check(close(fd));
	check(rename(own, moved));
	check(unlink(moved));
}

static void loop(int n, int number) {
	char own[] = "own-0", moved[] = "moved-0";
	own[sizeof own - 2] += number;
	moved[sizeof moved - 2] += number;
	for (int i = 0; i < n; i += 10)
		ten(own, moved);
}

int main(int argc, char **argv) {
	int n = argc > 2 ? atoi(argv[2]) : 0;
	if (n <= 0 || n % 10)
		return 2;
	if (!strcmp(argv[1], "loop")) {
		loop(n, 0);
		return 0;
	}
	for (int i = 1; i <= 3; i++)
		if (check(fork()) == 0) {
			loop(n, i);
			_exit(0);
		}
	int status, failed = 0;
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}
