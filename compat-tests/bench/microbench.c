/*
 * microbench - cost of single Linux-ABI operations, measured with rdtsc.
 *
 * One line per metric on stdout:   name value unit
 * (with --stats:                   name value unit min max samples)
 *
 * value is the median over the samples of (ticks of one sample / ops in it).
 * Every metric is a cost: lower is better.  `NA` instead of a value means the
 * kernel refused an operation (the reason goes to stderr).
 *
 * Units: by default `ns`, TSC ticks scaled by a calibration against
 * CLOCK_MONOTONIC.  With --insn raw TSC ticks are printed with unit `insn`: right
 * under `qemu -icount shift=0`, where the TSC moves by one per guest instruction.
 * With --ticks the same with unit `tick`.
 *
 * Build:  musl-gcc -O2 -static -o microbench-static microbench.c
 *         gcc -O2 -pthread -o microbench-dyn microbench.c
 *
 * Options: --insn --ticks --stats --fork --only=a,b,prefix* --skip=a,b --list
 *          --scale=F (more/fewer ops) --samples=N --dir=/tmp --trace --exit
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* not from <linux/futex.h>: musl-gcc does not see the kernel's headers */
#define FUTEX_WAIT_P (0 | 128)
#define FUTEX_WAKE_P (1 | 128)

#define FAIL UINT64_MAX
#define PAGE 4096UL

static const char *g_metric = "?";
static const char *g_dir = "/tmp";
static char g_file[256];
static const char *g_self = "/proc/self/exe";

/* ---- clock ------------------------------------------------------------ */

static inline __attribute__((always_inline)) uint64_t tsc(void)
{
	uint32_t lo, hi;
	__asm__ volatile("lfence\n\trdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

static double g_ns_per_tick = 1.0;

static uint64_t mono_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void calibrate(void)
{
	uint64_t n0 = mono_ns(), n1;
	while ((n1 = mono_ns()) == n0) /* start on an edge if quantised */
		;
	uint64_t t0 = tsc();
	n0 = n1;
	while ((n1 = mono_ns()) - n0 < 50000000u)
		;
	uint64_t t1 = tsc();
	if (t1 > t0)
		g_ns_per_tick = (double)(n1 - n0) / (double)(t1 - t0);
}

/* ---- error handling ---------------------------------------------------- */

static void complain(const char *what)
{
	dprintf(2, "microbench: %s: %s: errno %d (%s)\n", g_metric, what, errno,
		strerror(errno));
}

/* fail the metric if the condition is false */
#define CK(cond)                                                               \
	do {                                                                   \
		if (__builtin_expect(!(cond), 0)) {                            \
			complain(#cond);                                       \
			return FAIL;                                           \
		}                                                              \
	} while (0)

/* ---- helpers ------------------------------------------------------------ */

/* The number as an immediate next to the instruction, as libc wrappers have it. */
#define raw0(nr)                                                               \
	({                                                                     \
		long ret_;                                                     \
		__asm__ volatile("movl %1, %%eax\n\tsyscall"                   \
				 : "=&a"(ret_)                                 \
				 : "i"(nr)                                     \
				 : "rcx", "r11", "memory");                    \
		ret_;                                                          \
	})
#define raw3(nr, a, b, c)                                                      \
	({                                                                     \
		long ret_;                                                     \
		__asm__ volatile("movl %1, %%eax\n\tsyscall"                   \
				 : "=&a"(ret_)                                 \
				 : "i"(nr), "D"((long)(a)), "S"((long)(b)),    \
				   "d"((long)(c))                              \
				 : "rcx", "r11", "memory");                    \
		ret_;                                                          \
	})

static long futex(atomic_int *p, int op, int val)
{
	return syscall(SYS_futex, p, op, val, NULL, NULL, 0);
}

static pthread_attr_t g_attr;

/* ---- metrics ------------------------------------------------------------- */

/* one translation unit: the measured loops stay static and can be inlined */
#include "microbench_single.inc"
#include "microbench_threads.inc"
#include "microbench_process.inc"

/* ---- table -------------------------------------------------------------- */

static const struct metric {
	const char *name;
	int ops; /* ops in one sample */
	uint64_t (*fn)(int);
	int forks;
} metrics[] = {
	{"loop_overhead", 2000, b_loop, 0},
	{"rdtsc", 1000, b_rdtsc, 0},
	{"control_compute_1k", 100, b_control, 0},
	{"rep_stosb_4k", 100, b_rep_stosb, 0},
	{"rep_movsq_4k", 100, b_rep_movsq, 0},
	{"getpid_raw", 1000, b_getpid_raw, 0},
	{"getpid_libc", 1000, b_getpid_libc, 0},
	{"enosys_raw", 1000, b_enosys, 0},
	{"read_zero_1", 1000, b_read_zero, 0},
	{"write_null_1", 1000, b_write_null, 0},
	{"clock_gettime_libc", 1000, b_clock_libc, 0},
	{"clock_gettime_raw", 1000, b_clock_raw, 0},
	{"open_close", 300, b_open_close, 0},
	{"creat_close_unlink", 100, b_creat_unlink, 0},
	{"stat", 500, b_stat, 0},
	{"fstat", 500, b_fstat, 0},
	{"pread_4k", 300, b_pread4k, 0},
	{"pwrite_4k", 300, b_pwrite4k, 0},
	{"mmap_touch_munmap_4k", 200, b_mmap4k, 0},
	{"mmap_touch_munmap_1m", 8, b_mmap1m, 0},
	{"page_fault", 4096, b_fault, 0},
	{"brk_grow_touch_4k", 256, b_brk, 0},
	{"mprotect_flip", 200, b_mprotect, 0},
	{"pipe_self_1", 500, b_pipe_self, 0},
	{"eventfd_epoll_self", 300, b_eventfd_epoll_self, 0},
	{"poll_1fd_0", 500, b_poll0, 0},
	{"sched_yield_alone", 500, b_yield_alone, 0},
	{"sigmask_flip", 500, b_sigprocmask, 0},
	{"signal_handler", 300, b_signal, 0},
	{"timerfd_arm", 500, b_timerfd_arm, 0},
	{"timerfd_expire_read", 100, b_timerfd, 0},
	{"nanosleep_0", 100, b_nanosleep0, 0},
	{"nanosleep_1ms_overshoot", 10, b_sleep1ms_over, 0},
	{"futex_wake_none", 500, b_futex_wake_none, 0},
	{"futex_pingpong", 200, b_futex, 0},
	{"futex_pingpong_cpus", 200, b_futex_cpus, 0},
	{"condvar_pingpong", 200, b_condvar, 0},
	{"sched_yield_2thr", 500, b_yield_thr, 0},
	{"thread_create_join", 50, b_thread, 0},
	{"pipe_pingpong", 200, b_pipe_thr, 0},
	{"eventfd_pingpong", 200, b_eventfd_thr, 0},
	{"eventfd_epoll_pingpong", 200, b_epoll_thr, 0},
	{"unix_pingpong_1", 200, b_unix, 0},
	{"udp_pingpong_1", 150, b_udp, 0},
	{"tcp_pingpong_1", 150, b_tcp_rt, 0},
	{"tcp_self_1", 150, b_tcp_self, 0},
	{"tcp_recv_eagain", 500, b_recv_eagain, 0},
	{"tcp_connect_accept_close", 40, b_tcp_conn, 0},
	{"tcp_bulk_per_kib", 2048, b_tcp_bulk, 0},
	{"fork_wait", 20, b_fork, 1},
	{"fork_wait_16m", 4, b_fork16m, 1},
	{"fork_exec_wait", 10, b_fork_exec, 1},
	{"vfork_exec_wait", 10, b_vfork_exec, 1},
	{"pipe_pingpong_proc", 200, b_pipe_proc, 1},
};

static int cmp_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* is name in the comma list (an item may end in '*') */
static int listed(const char *list, const char *name)
{
	while (*list) {
		size_t l = strcspn(list, ",");
		if (l && list[l - 1] == '*' ? strncmp(list, name, l - 1) == 0
					    : strlen(name) == l && !strncmp(list, name, l))
			return 1;
		list += l;
		list += *list == ',';
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *only = NULL, *skip = "", *unit = "ns";
	int stats = 0, forks = 0, trace = 0, samples = 11, raw = 0;
	double scale = 1;

	for (int i = 1; i < argc; i++) {
		char *a = argv[i];
		if (!strcmp(a, "--exit"))
			return 0;
		else if (!strcmp(a, "--insn"))
			raw = 1, unit = "insn";
		else if (!strcmp(a, "--ticks"))
			raw = 1, unit = "tick";
		else if (!strcmp(a, "--stats"))
			stats = 1;
		else if (!strcmp(a, "--fork"))
			forks = 1;
		else if (!strcmp(a, "--trace"))
			trace = 1;
		else if (!strncmp(a, "--only=", 7))
			only = a + 7;
		else if (!strncmp(a, "--skip=", 7))
			skip = a + 7;
		else if (!strncmp(a, "--scale=", 8))
			scale = atof(a + 8);
		else if (!strncmp(a, "--samples=", 10))
			samples = atoi(a + 10);
		else if (!strncmp(a, "--dir=", 6))
			g_dir = a + 6;
		else if (!strcmp(a, "--list")) {
			for (size_t k = 0; k < sizeof metrics / sizeof *metrics; k++)
				dprintf(1, "%s%s\n", metrics[k].name,
					metrics[k].forks ? " (--fork)" : "");
			return 0;
		} else {
			dprintf(2, "microbench: unknown option %s\n", a);
			return 2;
		}
	}
	if (samples < 1 || samples > 101)
		samples = 11;
	if (access(g_self, X_OK) != 0)
		g_self = argv[0];
	pthread_attr_init(&g_attr);
	pthread_attr_setstacksize(&g_attr, 64 << 10);

	uint64_t started = tsc();
	calibrate();
	dprintf(1, "tsc_mhz %.1f MHz\n", 1000.0 / g_ns_per_tick);
	if (raw && g_ns_per_tick > 0.999 && g_ns_per_tick < 1.001)
		g_ns_per_tick = 1;

	snprintf(g_file, sizeof g_file, "%s/microbench.%d", g_dir, (int)getpid());
	int fd = open(g_file, O_CREAT | O_TRUNC | O_RDWR, 0600);
	if (fd < 0 || write(fd, g_buf, sizeof g_buf) != (ssize_t)sizeof g_buf)
		complain(g_file);
	if (fd >= 0)
		close(fd);

	int bad = 0;
	for (size_t k = 0; k < sizeof metrics / sizeof *metrics; k++) {
		const struct metric *m = &metrics[k];
		double v[101];
		int n = (int)(m->ops * scale), got = 0;
		if ((m->forks && !forks) || (only && !listed(only, m->name)) ||
		    listed(skip, m->name))
			continue;
		if (n < 1)
			n = 1;
		g_metric = m->name;
		if (trace)
			dprintf(2, "microbench: %s ...\n", m->name);
		for (int s = -1; s < samples; s++) { /* sample -1 is the warm-up */
			uint64_t t = m->fn(n);
			if (t == FAIL)
				break;
			if (s >= 0)
				v[got++] = (double)t / n;
		}
		if (got < samples) {
			dprintf(1, "%s NA %s\n", m->name, unit);
			bad++;
			continue;
		}
		qsort(v, (size_t)got, sizeof *v, cmp_double);
		double f = raw ? 1.0 : g_ns_per_tick;
		double med = (v[(got - 1) / 2] + v[got / 2]) / 2 * f;
		if (stats)
			dprintf(1, "%s %.1f %s %.1f %.1f %d\n", m->name, med, unit, v[0] * f,
				v[got - 1] * f, got);
		else
			dprintf(1, "%s %.1f %s\n", m->name, med, unit);
	}
	unlink(g_file);
	dprintf(1, "total_run %.1f ms\n", (double)(tsc() - started) * g_ns_per_tick / 1e6);
	return bad ? 1 : 0;
}
