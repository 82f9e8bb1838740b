#define _GNU_SOURCE
#include "torture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void blocked_reader(struct random *r);

static struct sockaddr_in listen_on_loopback(int *listener) {
    *listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(*listener >= 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    CHECK(bind(*listener, (struct sockaddr *)&address, size) == 0);
    CHECK(listen(*listener, 128) == 0);
    CHECK(getsockname(*listener, (struct sockaddr *)&address, &size) == 0);
    return address;
}

static int listener;
static struct sockaddr_in address;
static atomic_uint clients_left;

static unsigned char pattern(uint32_t start, unsigned i) { return (unsigned char)(start * 7 + i * 13 + (i >> 8)); }

/* A client sends a length, a start value and as many bytes; the server checks them and answers their number. */
static void client(struct random *r) {
    static __thread unsigned char bytes[60000];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    int result;
    while ((result = connect(fd, (struct sockaddr *)&address, sizeof address)) != 0 && errno == EINTR)
        ;
    CHECK(result == 0);
    uint32_t head[2] = {below(r, sizeof bytes), (uint32_t)next(r)};
    for (unsigned i = 0; i < head[0]; i++)
        bytes[i] = pattern(head[1], i);
    CHECK(send(fd, head, sizeof head, MSG_NOSIGNAL) == sizeof head);
    for (unsigned done = 0; done < head[0];) {
        ssize_t n = send(fd, bytes + done, head[0] - done, MSG_NOSIGNAL);
        CHECK(n > 0);
        done += (unsigned)n;
    }
    uint32_t answer = 0;
    CHECK(recv(fd, &answer, sizeof answer, MSG_WAITALL) == sizeof answer);
    if (answer != head[0])
        fail("%u bytes sent, %u received", head[0], answer);
    close(fd);
}

static void serve(int fd) {
    static __thread unsigned char bytes[60000];
    uint32_t head[2];
    CHECK(recv(fd, head, sizeof head, MSG_WAITALL) == sizeof head);
    CHECK(head[0] < sizeof bytes);
    CHECK(head[0] == 0 || recv(fd, bytes, head[0], MSG_WAITALL) == (ssize_t)head[0]);
    for (unsigned i = 0; i < head[0]; i++)
        if (bytes[i] != pattern(head[1], i))
            fail("byte %u of a connection is wrong", i);
    CHECK(send(fd, head, 4, MSG_NOSIGNAL) == 4);
    char byte;
    CHECK(recv(fd, &byte, 1, 0) == 0);
    close(fd);
}

static void tcp_body(unsigned number) {
    struct random r = random_of(number);
    if (number % 2 == 0) {
        for (unsigned long round = 0; go_on(round); round++)
            client(&r);
        if (atomic_fetch_sub(&clients_left, 1) == 1)
            CHECK(shutdown(listener, SHUT_RDWR) == 0); /* wakes those who accept */
        return;
    }
    for (;;) {
        int fd = accept4(listener, 0, 0, SOCK_CLOEXEC);
        if (fd < 0) {
            CHECK(errno == EINVAL);
            return;
        }
        serve(fd);
    }
}

/* Datagrams between two sockets keep their bounds and their order. */
static void unix_body(unsigned number) {
    struct random r = random_of(number);
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0);
    uint32_t sent = 0, received = 0;
    for (unsigned long round = 0; go_on(round); round++) {
        uint32_t message[64] = {sent};
        const size_t size = 4 + below(&r, 60) * 4;
        message[1] = (uint32_t)size;
        if (send(pair[0], message, size < 8 ? 8 : size, MSG_DONTWAIT) > 0)
            sent++;
        else
            CHECK(errno == EAGAIN);
        if (below(&r, 3) == 0) {
            while (recv(pair[1], message, sizeof message, MSG_DONTWAIT) > 0) {
                CHECK(message[0] == received);
                received++;
            }
            CHECK(errno == EAGAIN);
            CHECK(received == sent);
        }
        if (round % 16 == 0)
            blocked_reader(&r);
    }
    close(pair[0]);
    close(pair[1]);
}

struct blocked {
    int fd;
    atomic_int entered;
    ssize_t result;
};

static void *read_blocked(void *argument) {
    struct blocked *blocked = argument;
    char byte;
    atomic_store(&blocked->entered, 1);
    blocked->result = recv(blocked->fd, &byte, 1, 0);
    return 0;
}

/* A socket is closed, or shut down, while a reader sleeps in it, or is about to. */
static void blocked_reader(struct random *r) {
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    struct blocked blocked = {pair[0], 0, -2};
    pthread_t thread;
    CHECK(pthread_create(&thread, 0, read_blocked, &blocked) == 0);
    while (!atomic_load(&blocked.entered))
        ;
    for (unsigned spin = below(r, 3000); spin; spin--)
        __asm__ volatile("pause");
    const unsigned how = below(r, 3);
    if (how == 0)
        CHECK(shutdown(pair[0], SHUT_RD) == 0);
    else
        close(pair[1]);
    pthread_join(thread, 0);
    CHECK(blocked.result == 0);
    close(pair[0]);
    if (how == 0)
        close(pair[1]);
}

void torture_socket(void) {
    address = listen_on_loopback(&listener);
    atomic_store(&clients_left, (torture_threads + 1) / 2);
    in_threads(torture_threads, tcp_body);
    close(listener);
    in_threads(torture_threads, unix_body);
}
