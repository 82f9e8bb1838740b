// What `linnet trace` is tried on: trace_target threads N | die | kill | pointers | calls N | exec
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int never[2], about[2];
static pthread_barrier_t all_there;

static void* one_call(void* unused) {
    pthread_barrier_wait(&all_there);
    syscall(SYS_getpriority, 0, 4242); // a call that nothing else here makes; it fails
    return unused;
}

static void* blocked_call(void* unused) {
    char c;
    write(about[1], "x", 1);
    read(never[0], &c, 1);
    return unused;
}

static void* execute(void* name) {
    char* words[] = {name, "calls", "1", 0};
    execv("/proc/self/exe", words);
    return 0;
}

int main(int argc, char** argv) {
    if (argc < 2 || pipe(never) || pipe(about)) return 2;
    if (!strcmp(argv[1], "threads")) {
        pthread_attr_t small;
        pthread_attr_init(&small);
        pthread_attr_setstacksize(&small, 16384);
        int n = atoi(argv[2]);
        pthread_t* threads = calloc(n, sizeof *threads);
        pthread_barrier_init(&all_there, 0, n);
        for (int i = 0; i < n; ++i)
            if (pthread_create(&threads[i], &small, one_call, 0)) return 3;
        for (int i = 0; i < n; ++i) pthread_join(threads[i], 0);
        return 0;
    }
    if (!strcmp(argv[1], "die")) { // another thread is in a call, as far as anybody can tell
        pthread_t t;
        char c;
        if (pthread_create(&t, 0, blocked_call, 0)) return 3;
        read(about[0], &c, 1);
        exit(7);
    }
    if (!strcmp(argv[1], "kill")) {
        pid_t child = fork();
        if (child == 0) {
            blocked_call(0);
            _exit(1);
        }
        char c;
        int status;
        read(about[0], &c, 1);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        return WTERMSIG(status) != SIGKILL;
    }
    if (!strcmp(argv[1], "pointers")) {
        syscall(SYS_open, (char*)16, O_RDONLY);
        syscall(SYS_nanosleep, (void*)32, (void*)0);
        syscall(SYS_execve, (char*)48, (void*)64, (void*)80);
        syscall(SYS_write, 1, (void*)96, 5);
        return 0;
    }
    if (!strcmp(argv[1], "calls")) { // many
        for (int i = 0; i < atoi(argv[2]); ++i) syscall(SYS_getppid);
        return 0;
    }
    if (!strcmp(argv[1], "exec")) { // a thread that is not the first executes a program
        pthread_t t;
        if (pthread_create(&t, 0, execute, argv[0])) return 3;
        for (;;) pause();
    }
    return 2;
}
