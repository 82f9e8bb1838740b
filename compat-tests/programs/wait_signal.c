/* Prints "ready", waits for SIGINT or SIGTERM, prints its number, exits with 40 + number. */
#include <signal.h>
#include <stdio.h>

int main(void) {
    sigset_t set;
    int sig = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, 0);
    puts("ready");
    fflush(stdout);
    sigwait(&set, &sig);
    printf("signal %d\n", sig);
    fflush(stdout);
    return 40 + sig;
}
