// Asks for what Linnet lacks, each thing in a function of its own name: the gap report has to name it. What it asks for is refused by a Linux
// without the feature too; a kernel that has it makes no difference to the program.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ASK __attribute__((noinline)) static
static volatile int keep; // no call is the last thing that its function does

ASK void ask_ptrace(void) { keep = (int)syscall(SYS_ptrace, 0, 0, 0, 0); }
ASK void ask_unknown_call(void) { keep = (int)syscall(9999, 1, 2, 3); }
ASK void ask_inotify(void) { keep = inotify_init1(IN_CLOEXEC); }
ASK void ask_memfd_flag(void) { keep = (int)syscall(SYS_memfd_create, "gap", 4u /* MFD_HUGETLB */); }
ASK void ask_pipe_flag(void) {
    int fds[2];
    keep = (int)syscall(SYS_pipe2, fds, 0200 /* O_NOTIFICATION_PIPE */);
}
ASK void ask_advice(void) {
    void* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    keep = madvise(page, 4096, 12 /* MADV_MERGEABLE */);
    keep = munmap(page, 4096);
}
ASK void ask_ioctl(void) {
    int fd = open("/dev/null", O_RDWR);
    keep = ioctl(fd, 0x1234abcd, 0);
    keep = close(fd);
}
ASK void ask_fcntl(void) {
    int fd = open("/dev/null", O_RDWR);
    keep = fcntl(fd, 1024 /* F_SETLEASE */, F_RDLCK);
    keep = close(fd);
}
ASK void ask_prctl(void) { keep = prctl(9998, 0, 0, 0, 0); }
ASK void ask_socket_option(void) {
    int value = 0, fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof(value);
    keep = getsockopt(fd, SOL_SOCKET, 9997, &value, &size);
    keep = close(fd);
}
ASK void ask_socket_family(void) { keep = socket(40 /* AF_VSOCK */, SOCK_STREAM, 0); }
ASK void ask_file(void) { keep = open("/proc/no-such-file", O_RDONLY); }
ASK void ask_file_status(void) {
    struct stat s;
    keep = stat("/sys/no such\nfile", &s);
}
ASK void ask_netlink(void) {
    struct {
        unsigned length;
        unsigned short type, flags;
        unsigned sequence, port;
        unsigned char body[16];
    } request = {32, 16 /* RTM_NEWLINK */, 1 /* NLM_F_REQUEST */, 1, 0, {0}};
    int fd = socket(AF_NETLINK, SOCK_RAW, 0);
    keep = (int)send(fd, &request, sizeof(request), 0);
    keep = close(fd);
}
ASK void ask_quick_ack(void) {
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    keep = setsockopt(fd, IPPROTO_TCP, 12 /* TCP_QUICKACK */, &on, sizeof(on));
    keep = close(fd);
}
ASK void ask_async(void) {
    int fds[2];
    keep = pipe(fds);
    keep = fcntl(fds[0], F_SETFL, O_ASYNC);
    keep = close(fds[0]);
    keep = close(fds[1]);
}
ASK void ask_process_file(void) {
    char path[32] = "/proc/";
    snprintf(path + 6, sizeof(path) - 6, "%d/nothing", (int)getpid());
    keep = open(path, O_RDONLY);
    keep = access("/proc/self/fd/777", F_OK); // no gap
    keep = access("/proc/99999/stat", F_OK);  // none either
    keep = access("/dev/shm/mine", F_OK);     // nor this
}
ASK void ask_sysctl(void) {
    int fd = open("/proc/sys/vm/swappiness", O_WRONLY);
    keep = (int)write(fd, "60\n", 3);
    keep = close(fd);
}
ASK void ask_terminal(void) {
    int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    keep = ioctl(fd, 0x541c /* TIOCLINUX */, "\20");
    keep = close(fd);
    fd = open("/dev/null", O_RDWR);
    keep = ioctl(fd, 0x541c, "\20"); // no gap: it is no terminal
    keep = isatty(fd);
    keep = close(fd);
}
ASK void ask_mount(void) { keep = mount("none", "/tmp", "nosuchfs", 0, NULL); }

static void ask_all(void) {
    ask_ptrace();
    ask_ptrace();
    ask_unknown_call();
    ask_inotify();
    ask_memfd_flag();
    ask_pipe_flag();
    ask_advice();
    ask_ioctl();
    ask_fcntl();
    ask_prctl();
    ask_socket_option();
    ask_socket_family();
    ask_file();
    ask_file_status();
    ask_netlink();
    ask_quick_ack();
    ask_async();
    ask_process_file();
    ask_sysctl();
    ask_terminal();
    ask_mount();
}

// Asks for one thing and dies of it.
ASK void need_inotify(const char* how) {
    if (inotify_init1(0) >= 0) return;
    if (!strcmp(how, "abort")) abort();
    if (!strcmp(how, "segv")) raise(SIGSEGV);
    exit(3);
}

// Kinds without end: more than the kernel keeps.
static void ask_without_end(void) {
    for (int i = 0; i < 2000; ++i) {
        prctl(100000 + i, 0, 0, 0, 0);
        syscall(10000 + i);
        char path[32] = "/proc/none-";
        for (int n = i, at = 11; at < 15; ++at, n /= 10) path[at] = (char)('0' + n % 10);
        keep = open(path, O_RDONLY);
    }
}

// The stack pointer is garbage where the call is made; afterwards it is put back.
ASK void ask_with_wild_stack(void) {
    static const unsigned long wild[] = {0, 8, 1, 0x7fffffffefff, 0x800000000000, 0xffffffffffffff00, 0xffff800000000000, 0xffffffff80000000};
    for (unsigned i = 0; i < sizeof(wild) / sizeof(wild[0]); ++i) {
        long result;
        // No signal comes meanwhile: the stack is not there.
        __asm__ volatile("mov %%rsp, %%r12\n\tmov %%rbp, %%r13\n\tmov %2, %%rsp\n\tmov %2, %%rbp\n\tsyscall\n\tmov %%r12, %%rsp\n\tmov %%r13, %%rbp"
                         : "=a"(result)
                         : "0"(12000L + i), "r"(wild[i])
                         : "rcx", "r11", "r12", "r13", "memory");
        keep = (int)result;
    }
}

int main(int argc, char** argv) {
    const char* how = argc > 1 ? argv[1] : "all";
    if (!strcmp(how, "none")) return 0;
    if (!strcmp(how, "all")) {
        ask_all();
        return 0;
    }
    if (!strcmp(how, "bound")) { // a jump stands where libc's file has mov $n,%eax
        ask_inotify();
        return *(volatile unsigned char*)inotify_init1 != 0xe9;
    }
    if (!strcmp(how, "child")) { // the child dies of it, the parent does not
        ask_ptrace();
        pid_t child = fork();
        if (child == 0) need_inotify("abort");
        int status;
        return waitpid(child, &status, 0) != child || !WIFSIGNALED(status);
    }
    if (!strcmp(how, "wait")) {
        ask_ptrace();
        keep = (int)write(1, "asked\n", 6);
        char c;
        while (read(0, &c, 1) > 0) {
        }
        pause();
        return 0;
    }
    if (!strcmp(how, "endless")) {
        ask_without_end();
        return 0;
    }
    if (!strcmp(how, "wild")) {
        ask_with_wild_stack();
        return 0;
    }
    need_inotify(how);
    return 0;
}
