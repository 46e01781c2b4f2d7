/* Preloaded into a redis-server, this puts its wall clock forward or back by as many milliseconds as a file says. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void wall(struct timespec *t)
{
	char text[32] = {0};
	long off = 0;
	const char *file = getenv("DYPLSQ_TEST_CLOCK");
	int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		if (read(fd, text, sizeof text - 1) > 0)
			off = atol(text);
		close(fd);
	}
	syscall(SYS_clock_gettime, CLOCK_REALTIME, t);
	t->tv_sec += off / 1000;
	t->tv_nsec += off % 1000 * 1000000;
	if (t->tv_nsec < 0) {
		t->tv_sec--;
		t->tv_nsec += 1000000000;
	} else if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec t;

	(void)tz;
	wall(&t);
	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *seconds)
{
	struct timespec t;

	wall(&t);
	if (seconds)
		*seconds = t.tv_sec;
	return t.tv_sec;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	if (clock != CLOCK_REALTIME)
		return syscall(SYS_clock_gettime, clock, t);
	wall(t);
	return 0;
}
