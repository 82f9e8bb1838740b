// An HTTP server for one request: it goes to the background as soon as it listens, answers, and ends.
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char** argv) {
    int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr*)&a, sizeof a) || listen(s, 4)) return 1;
    if (fork()) return 0;
    int c = accept(s, NULL, NULL);
    char request[4096];
    size_t n = 0;
    request[0] = 0;
    while (n < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
        ssize_t got = read(c, request + n, sizeof request - 1 - n);
        if (got <= 0) return 1;
        n += (size_t)got;
        request[n] = 0;
    }
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
    if (write(c, answer, sizeof answer - 1) < 0) return 1;
    return 0;
}
