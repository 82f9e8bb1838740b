/* Copies stdin to stdout; with "-e" every second block of 4096 bytes goes to stderr instead. */
#include <string.h>
#include <unistd.h>

static int write_all(int fd, const char *p, long n) {
    while (n > 0) {
        long w = write(fd, p, n);
        if (w <= 0) {
            return -1;
        }
        p += w;
        n -= w;
    }
    return 0;
}

int main(int argc, char **argv) {
    static char buf[4096];
    int both = argc > 1 && strcmp(argv[1], "-e") == 0;
    for (int block = 0;; block++) {
        long have = 0;
        while (have < (long)sizeof(buf)) {
            long n = read(0, buf + have, sizeof(buf) - have);
            if (n < 0) {
                return 1;
            }
            if (n == 0) {
                break;
            }
            have += n;
        }
        if (have == 0) {
            return 0;
        }
        if (write_all(both && (block & 1) ? 2 : 1, buf, have) != 0) {
            return 1;
        }
    }
}
