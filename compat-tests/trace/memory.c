// Memory.
#include "trace_calls.h"

#include <sys/mman.h>
#include <sys/uio.h>

void trace_memory(void) {
    int fd = CALL(open, "/proc/self/exe", O_RDONLY);
    char* p = (char*)CALL(mmap, NULL, 16384L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    CALL(mmap, NULL, 4096L, PROT_READ, MAP_PRIVATE, fd, 4096L);
    CALL(mmap, p, 4096L, PROT_NONE, MAP_SHARED | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
    CALL(mmap, NULL, 4096L, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_POPULATE | MAP_32BIT, -1, 0L);
    CALL(mmap, NULL, 4096L, PROT_READ, MAP_PRIVATE | MAP_DENYWRITE | MAP_EXECUTABLE, fd, 0L);
    CALL(mmap, NULL, 4096L, 0x80, MAP_PRIVATE | MAP_ANONYMOUS | 0x40000000, -1, 0L);
    CALL(mmap, NULL, 0L, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    CALL(mmap, NULL, 4096L, PROT_READ, MAP_PRIVATE, 99, 0L);
    CALL(mmap, NULL, 4096L, PROT_READ, 0, -1, 0L);
    CALL(mmap, NULL, 4096L, PROT_READ, MAP_SHARED_VALIDATE, fd, 0L);
    CALL(mmap, p, 4096L, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_GROWSDOWN | MAP_LOCKED | MAP_NONBLOCK, -1, 0L);
    CALL(mprotect, p, 4096L, PROT_READ | PROT_WRITE);
    CALL(mprotect, p, 4096L, PROT_NONE);
    CALL(mprotect, p, 4096L, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP);
    CALL(mprotect, 1L, 4096L, PROT_READ | 0x40);
    CALL(madvise, p + 4096, 4096L, MADV_DONTNEED);
    CALL(madvise, p + 4096, 4096L, MADV_NORMAL);
    CALL(madvise, p + 4096, 4096L, MADV_HUGEPAGE);
    CALL(madvise, p + 4096, 4096L, 99);
    CALL(msync, p + 4096, 4096L, MS_SYNC);
    CALL(msync, p + 4096, 4096L, MS_ASYNC | MS_INVALIDATE);
    CALL(msync, p + 4096, 4096L, 0x40);
    p[4096] = 1;
    unsigned char vec[4];
    CALL(mincore, p + 4096, 4096L, vec);
    CALL(mincore, 1L, 4096L, vec);
    CALL(mlock, p + 4096, 4096L), CALL(munlock, p + 4096, 4096L), CALL(mlock2, p + 4096, 4096L, 1), CALL(mlock2, p + 4096, 4096L, 2);
    CALL(mlockall, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT), CALL(munlockall), CALL(mlockall, 0x40);
    char* q = (char*)CALL(mremap, p + 4096, 4096L, 8192L, MREMAP_MAYMOVE);
    CALL(mremap, q, 8192L, 4096L, 0);
    CALL(mremap, 1L, 4096L, 4096L, MREMAP_MAYMOVE | MREMAP_FIXED, p);
    CALL(munmap, q, 4096L), CALL(munmap, p, 4096L), CALL(munmap, 1L, 4096L);
    CALL(brk, 0L);
    char far[40] = "to be read from another process";
    char here[40];
    struct iovec local = {here, 40}, remote = {far, 40};
    pid_t self = getpid();
    CALL(process_vm_readv, self, &local, 1L, &remote, 1L, 0L);
    CALL(process_vm_writev, self, &local, 1L, &remote, 1L, 0L);
    CALL(process_vm_readv, self, &local, 1L, &remote, 1L, 5L);
    CALL(membarrier, 0, 0, 0), CALL(membarrier, 8, 0, 0), CALL(membarrier, 12345, 0, 0);
    CALL(close, fd);
}
