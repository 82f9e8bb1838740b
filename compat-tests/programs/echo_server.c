// Echoes TCP connections on port 7, one after the other; a connection that sends "quit" ends it with status 0.
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(7)};
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 16)) {
        perror("echo_server");
        return 1;
    }
    // A UDP port that is open too, so that datagrams reach a socket.
    int u = socket(AF_INET, SOCK_DGRAM, 0);
    bind(u, (struct sockaddr *)&a, sizeof a);
    puts("listening");
    fflush(stdout);
    for (;;) {
        int c = accept(s, NULL, NULL);
        if (c < 0) continue;
        // Flooders never send: nobody is waited for longer than this.
        struct timeval patience = {2, 0};
        setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        char text[512];
        ssize_t n = read(c, text, sizeof text);
        if (n > 0 && write(c, text, (size_t)n) != n) n = 0;
        close(c);
        while (recv(u, text + 8, sizeof text - 8, MSG_DONTWAIT) >= 0) {}
        if (n >= 4 && !memcmp(text, "quit", 4)) return 0;
    }
}
