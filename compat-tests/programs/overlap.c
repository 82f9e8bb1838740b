// Two threads that wait for each other in system calls.
#include <pthread.h>
#include <unistd.h>

static int to_thread[2], to_main[2], last[2];

static void* answer(void* unused) {
    char c;
    read(to_thread[0], &c, 1);
    write(to_main[1], "a", 1);
    read(last[0], &c, 1);
    return unused;
}

int main(void) {
    pthread_t t;
    char c;
    if (pipe(to_thread) || pipe(to_main) || pipe(last) || pthread_create(&t, 0, answer, 0)) return 1;
    write(to_thread[1], "q", 1);
    read(to_main[0], &c, 1);
    write(last[1], "l", 1);
    pthread_join(t, 0);
    return c != 'a';
}
