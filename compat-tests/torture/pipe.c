#define _GNU_SOURCE
#include "torture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* Records of one size: what was written in one call is read in one call, whole. */
struct record {
    uint64_t writer, number, filler[5], sum;
};

static int shared[2];
static atomic_uint writers_left;
static atomic_ulong records_written, records_read;

static uint64_t sum_of(const struct record *record) {
    uint64_t sum = record->writer * 31 + record->number;
    for (int i = 0; i < 5; i++)
        sum = sum * 31 + record->filler[i];
    return sum;
}

static void shared_body(unsigned number) {
    struct random r = random_of(number);
    struct record record;
    if (number % 2 == 0) {
        for (unsigned long round = 0; go_on(round); round++) {
            record.writer = number;
            record.number = round;
            for (int i = 0; i < 5; i++)
                record.filler[i] = next(&r);
            record.sum = sum_of(&record);
            CHECK(write(shared[1], &record, sizeof record) == sizeof record);
            atomic_fetch_add(&records_written, 1);
        }
        if (atomic_fetch_sub(&writers_left, 1) == 1)
            close(shared[1]);
        return;
    }
    for (;;) {
        if (below(&r, 4) == 0) {
            struct pollfd item = {shared[0], POLLIN, 0};
            CHECK(poll(&item, 1, -1) == 1);
        }
        ssize_t n = read(shared[0], &record, sizeof record);
        if (n == 0)
            return;
        if (n != sizeof record || record.sum != sum_of(&record))
            fail("a torn record: %zd bytes", n);
        atomic_fetch_add(&records_read, 1);
    }
}

/* A pipe of each thread: writes that block half-way, a reader that goes away (EPIPE). */
static void own_body(unsigned number) {
    struct random r = random_of(number);
    static char zeros[200000];
    for (unsigned long round = 0; go_on(round); round++) {
        int ends[2];
        CHECK(pipe2(ends, below(&r, 2) ? O_NONBLOCK : O_NONBLOCK | O_CLOEXEC) == 0);
        size_t written = 0, taken = 0;
        static __thread char buffer[70000];
        for (int i = 0; i < 20; i++) {
            ssize_t n = write(ends[1], zeros, below(&r, sizeof zeros));
            if (n > 0)
                written += n;
            else
                CHECK(n == 0 || errno == EAGAIN);
            n = read(ends[0], buffer, below(&r, sizeof buffer));
            if (n > 0)
                taken += n;
            else
                CHECK(n == 0 || errno == EAGAIN);
        }
        for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
            taken += n;
        CHECK(written == taken);
        close(ends[0]);
        CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE);
        close(ends[1]);
    }
}

void torture_pipe(void) {
    signal(SIGPIPE, SIG_IGN);
    CHECK(pipe(shared) == 0);
    atomic_store(&writers_left, (torture_threads + 1) / 2);
    in_threads(torture_threads, shared_body);
    close(shared[0]);
    if (records_read != records_written)
        fail("%lu records written, %lu read", records_written, records_read);
    in_threads(torture_threads, own_body);
}
