# packages: gcc libc6-dev binutils dash coreutils grep sed
# memory: 1G
# The compiler inside the guest: hello, objects and libraries, errors.
set -eu
mkdir /tmp/c
cd /tmp/c
cat >hello.c <<'C'
#include <stdio.h>
int main(int argc, char** argv)
{
    printf("hello from %d arguments\n", argc);
    return argc - 1;
}
C
echo "## hello"
gcc -O2 -Wall -o hello hello.c
./hello
./hello 1 2 || echo "status $?"
gcc -static -o hello-static hello.c
./hello-static

echo "## by steps, through pipes and by temporary files"
gcc -E hello.c | grep -c main
gcc -S -O1 -o hello.s hello.c
gcc -c -o hello.o hello.s
gcc -pipe -g -O0 -c -o hello-g.o hello.c
gcc -o hello2 hello.o
./hello2
objdump -d hello.o | grep -c call
readelf -h hello.o | grep Type

echo "## libraries and threads"
cat >sum.c <<'C'
#include <math.h>
long sum(const long* n, int count) { long s = 0; while (count--) s += *n++; return s + (long)sqrt(16.0 * count * count); }
C
cat >main.c <<'C'
#include <pthread.h>
#include <stdio.h>
long sum(const long*, int);
static long numbers[1000], total;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void* part(void* at)
{
    long s = 0;
    for (int i = 0; i < 250; ++i) s += ((long*)at)[i];
    pthread_mutex_lock(&lock);
    total += s;
    pthread_mutex_unlock(&lock);
    return 0;
}
int main(void)
{
    pthread_t t[4];
    for (int i = 0; i < 1000; ++i) numbers[i] = i;
    for (int i = 0; i < 4; ++i) pthread_create(&t[i], 0, part, numbers + 250 * i);
    for (int i = 0; i < 4; ++i) pthread_join(t[i], 0);
    printf("%ld %ld\n", total, sum(numbers, 0));
    return 0;
}
C
gcc -O2 -fPIC -shared -o libsum.so sum.c -lm
gcc -O2 -pthread -o shared main.c -L. -lsum -lm -Wl,-rpath,/tmp/c
./shared
gcc -O2 -c sum.c
ar rcs libsum-static.a sum.o
gcc -O2 -flto -pthread -o static main.c sum.c -lm
./static
nm libsum-static.a | grep -c sum
strip static
./static

echo "## errors"
echo 'int main(void) { return nothing; }' >bad.c
gcc -o bad bad.c 2>&1 || echo "status $?"
echo 'int nothing(void); int main(void) { return nothing(); }' >undefined.c
gcc -o undefined undefined.c 2>&1 | grep -c 'undefined reference' 
gcc nosuch.c 2>&1 || echo "status $?"
ls /tmp
sha256sum hello.o hello2
echo end
