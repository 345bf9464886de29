/* The storm: when a byte has come in, `storm N` makes N calls, N a multiple of five,
 * and prints how many nanoseconds they took. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
	int n = argc > 1 ? atoi(argv[1]) : 0;
	char byte;
	if (n <= 0 || n % 5 || read(0, &byte, 1) < 0)
		return 2;
	long long begun = now();
	for (int i = 0; i < n; i += 5) {
		int fd = open("storm", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		if (flock(fd, LOCK_EX) < 0 || write(fd, "hello\n", 6) != 6 || unlink("storm") < 0 || close(fd) < 0)
			return 1;
	}
	printf("%lld\n", now() - begun);
	return 0;
}
