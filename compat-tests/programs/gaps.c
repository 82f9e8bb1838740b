// Asks for what Linnet lacks, then prints what the kernel has counted of it.
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    int value = 0;
    socklen_t size = sizeof(value);
    syscall(SYS_ptrace, 0, 0, 0, 0);
    syscall(SYS_ptrace, 0, 0, 0, 0);
    syscall(9999);
    prctl(9998, 0, 0, 0, 0);
    open("/proc/no-such-file", O_RDONLY);
    ioctl(open("/dev/null", O_RDONLY), 0x1234abcd, 0);
    getsockopt(socket(AF_INET, SOCK_STREAM, 0), SOL_SOCKET, 9997, &value, &size);
    char text[4096];
    int fd = open("/proc/linnet/gaps", O_RDONLY);
    for (ssize_t n; (n = read(fd, text, sizeof(text))) > 0;) write(1, text, n);
    return fd < 0;
}
