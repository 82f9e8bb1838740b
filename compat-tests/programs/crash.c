/* Dies as its argument says: segv, ud2, div0, hlt, double-free, stack, abort, trap, bus, kill, term, pipe, exit, signal N; by what only
 * ring 3 stops: cli, out, wrmsr, cr3, lidt, direct-map. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

__attribute__((noinline)) static int overflow(volatile char *up) {
    volatile char frame[4096];
    frame[0] = up ? up[0] : 1;
    return overflow(frame) + frame[7];
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    printf("about to die: %s\n", how);
    fflush(stdout);
    if (strcmp(how, "segv") == 0) {
        *(volatile char *)8 = 1;
    } else if (strcmp(how, "ud2") == 0) {
        __asm__ volatile("ud2");
    } else if (strcmp(how, "div0") == 0) {
        __asm__ volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; div %%ecx" ::: "rax", "rcx", "rdx");
    } else if (strcmp(how, "hlt") == 0) {
        __asm__ volatile("hlt");
    } else if (strcmp(how, "double-free") == 0) {
        /* musl finds it and executes hlt. */
        void *volatile p = malloc(100), *volatile q = malloc(100);
        free(p);
        free(p);
        free(q);
    } else if (strcmp(how, "stack") == 0) {
        return overflow(0);
    } else if (strcmp(how, "abort") == 0) {
        abort();
    } else if (strcmp(how, "trap") == 0) {
        __asm__ volatile("int3");
    } else if (strcmp(how, "bus") == 0) {
        char *p = mmap(0, 4096, PROT_READ, MAP_SHARED, memfd_create("empty", 0), 0);
        return *(volatile char *)p;
    } else if (strcmp(how, "kill") == 0) {
        kill(getpid(), SIGKILL);
    } else if (strcmp(how, "term") == 0) {
        kill(getpid(), SIGTERM);
    } else if (strcmp(how, "pipe") == 0) {
        int fds[2];
        if (pipe(fds) == 0) {
            close(fds[0]);
            (void)!write(fds[1], "x", 1);
        }
    } else if (strcmp(how, "cli") == 0) {
        __asm__ volatile("cli");
        for (volatile unsigned long n = 0; n < 1ul << 28; n++) {
        }
    } else if (strcmp(how, "out") == 0) {
        __asm__ volatile("out %%al, %%dx" ::"a"(0x7f), "d"(0x501)); /* ends QEMU where it is allowed */
    } else if (strcmp(how, "wrmsr") == 0) {
        __asm__ volatile("wrmsr" ::"a"(0), "d"(0), "c"(0xc0000082)); /* LSTAR */
        getppid();
    } else if (strcmp(how, "cr3") == 0) {
        __asm__ volatile("mov %0, %%cr3" ::"r"(0ul) : "memory");
    } else if (strcmp(how, "lidt") == 0) {
        static const char none[10];
        __asm__ volatile("lidt %0; int3" ::"m"(none));
    } else if (strcmp(how, "direct-map") == 0) {
        /* All of the first 64 MiB, the kernel and its tables among them. */
        memset((void *)0xffff888000000000, 0, 64ul << 20);
    } else if (strcmp(how, "signal") == 0 && argc > 2) {
        signal(atoi(argv[2]), SIG_DFL);
        kill(getpid(), atoi(argv[2]));
    }
    return 0;
}
