/* Touches memory until it is refused or the process is killed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    for (long mib = 1;; mib++) {
        char *p = malloc(1 << 20);
        if (!p) {
            printf("refused after %ld MiB\n", mib);
            return 3;
        }
        memset(p, 1, 1 << 20);
    }
}
