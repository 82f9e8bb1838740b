/* The smallest useful program; built static, static-PIE, non-PIE and dynamic, with musl and glibc. */
#include <stdio.h>

int main(void) {
    puts("Hello from a stock binary");
    return 0;
}
