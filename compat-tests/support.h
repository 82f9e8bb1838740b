// What the compatibility tests share. C headers only, so that the same sources build with glibc and
// GoogleTest and with musl and minitest. Everything a test makes lies under /tmp and is removed again.
#pragma once

#include <gtest/gtest.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace compat {

// The call fails (returns -1) with this errno.
#define EXPECT_ERRNO(expr, error)                                                        \
    do {                                                                                 \
        errno = 0;                                                                       \
        long expect_errno_result = (long)(expr);                                         \
        int expect_errno_value = errno;                                                  \
        EXPECT_EQ(-1L, expect_errno_result) << #expr << " did not fail";                 \
        EXPECT_STREQ(#error, compat::errno_name(expect_errno_value, error, #error)) << #expr; \
    } while (0)

// The call succeeds (does not return -1).
#define EXPECT_OK(expr)                                                                   \
    do {                                                                                  \
        errno = 0;                                                                        \
        long expect_ok_result = (long)(expr);                                             \
        EXPECT_NE(-1L, expect_ok_result) << #expr << ": " << strerror(errno);             \
    } while (0)

#define ASSERT_OK(expr)                                                                   \
    do {                                                                                  \
        errno = 0;                                                                        \
        long expect_ok_result = (long)(expr);                                             \
        ASSERT_NE(-1L, expect_ok_result) << #expr << ": " << strerror(errno);             \
    } while (0)

inline const char* errno_name(int value, int wanted, const char* wanted_name) {
    return value == wanted ? wanted_name : strerror(value);
}

// In a child process (run_in_child): a failed check prints its place and ends the child with status 1.
#define CHECK(cond)                                                                               \
    do {                                                                                          \
        errno = 0;                                                                                \
        if (!(cond)) {                                                                            \
            dprintf(2, "%s:%d: child: check failed: %s (%s)\n", __FILE__, __LINE__, #cond, strerror(errno)); \
            return 1;                                                                             \
        }                                                                                         \
    } while (0)
#define CHECK_ERRNO(expr, error)                                                                   \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long check_result = (long)(expr);                                                          \
        if (check_result != -1 || errno != (error)) {                                              \
            dprintf(2, "%s:%d: child: %s gave %ld (%s), wanted %s\n", __FILE__, __LINE__, #expr,    \
                    check_result, strerror(errno), #error);                                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

// The lambda, run in a forked child, returns 0.
#define EXPECT_CHILD_OK(...) EXPECT_EQ(0, compat::run_in_child(__VA_ARGS__)) << "wait status of the child"
// The lambda, run in a forked child, is killed by the signal.
#define EXPECT_CHILD_SIGNAL(sig, ...)                                                              \
    do {                                                                                           \
        int expect_child_status = compat::run_in_child(__VA_ARGS__);                               \
        EXPECT_TRUE(WIFSIGNALED(expect_child_status)) << "status " << expect_child_status;         \
        EXPECT_EQ(sig, WTERMSIG(expect_child_status));                                             \
    } while (0)

// An address that no program has mapped, one of the kernel's half, and one that is not canonical.
inline void* const unmapped_address = reinterpret_cast<void*>(0x10);
inline void* const kernel_address = reinterpret_cast<void*>(0xffff800000001000UL);
inline void* const noncanonical_address = reinterpret_cast<void*>(0x8000000000000000UL);

template <class... A>
long sys(long number, A... args) {
    return syscall(number, args...);
}

class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) : fd_(other.release()) {}
    Fd(const Fd&) = delete;
    Fd& operator=(Fd&& other) {
        if (this != &other) {
            reset(other.release());
        }
        return *this;
    }
    ~Fd() { reset(); }
    operator int() const { return fd_; }
    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }
    int release() {
        int fd = fd_;
        fd_ = -1;
        return fd;
    }
    void reset(int fd = -1) {
        if (fd_ >= 0) {
            close(fd_);
        }
        fd_ = fd;
    }

  private:
    int fd_ = -1;
};

// A descriptor number that is surely not open.
inline int closed_fd() {
    int fd = open("/", O_RDONLY);
    close(fd);
    return fd;
}

struct Pipe {
    Fd r, w;
    explicit Pipe(int flags = 0) {
        int fds[2];
        if (pipe2(fds, flags) == 0) {
            r.reset(fds[0]);
            w.reset(fds[1]);
        }
    }
};

inline void remove_tree(const char* path) {
    struct stat st;
    if (lstat(path, &st) != 0) {
        return;
    }
    if (S_ISDIR(st.st_mode)) {
        chmod(path, 0700);
        if (DIR* d = opendir(path)) {
            while (dirent* e = readdir(d)) {
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
                    char child[4096];
                    snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
                    remove_tree(child);
                }
            }
            closedir(d);
        }
        rmdir(path);
    } else {
        unlink(path);
    }
}

// A new empty folder, removed with all that is in it. `dir / "name"` is valid for the next 31 uses.
class TempDir {
  public:
    explicit TempDir(const char* parent = "/tmp") {
        snprintf(root_, sizeof(root_), "%s/linnet-compat-XXXXXX", parent);
        if (!mkdtemp(root_)) {
            printf("mkdtemp %s: %s\n", root_, strerror(errno));
            root_[0] = 0;
        }
        owner_ = getpid();
    }
    TempDir(const TempDir&) = delete;
    ~TempDir() {
        if (root_[0] && getpid() == owner_) {
            remove_tree(root_);
        }
    }
    const char* path() const { return root_; }
    [[gnu::noinline]] const char* operator/(const char* name) const {
        char* slot = slots_[next_++ % 32];
        snprintf(slot, sizeof(slots_[0]), "%s/%s", root_, name);
        return slot;
    }

  private:
    char root_[64];
    pid_t owner_;
    mutable char slots_[32][384];
    mutable unsigned next_ = 0;
};

// Makes (or truncates) a file with these bytes.
inline bool write_file(const char* path, const char* text, mode_t mode = 0644) {
    Fd fd(open(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
    size_t size = strlen(text);
    return fd.valid() && write(fd, text, size) == static_cast<ssize_t>(size);
}

// Reads a whole file (it may be larger than one read gives) as text; -1 on error.
inline ssize_t read_text(const char* path, char* buf, size_t size) {
    Fd fd(open(path, O_RDONLY));
    if (!fd.valid()) {
        return -1;
    }
    size_t used = 0;
    while (used + 1 < size) {
        ssize_t n = read(fd, buf + used, size - 1 - used);
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        used += static_cast<size_t>(n);
    }
    buf[used] = 0;
    return static_cast<ssize_t>(used);
}

inline int wait_for(pid_t pid) {
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

// Runs a callable in a forked child; its int result is the exit status. Returns the wait status.
template <class F>
int run_in_child(F body) {
    fflush(nullptr);
    pid_t pid = fork();
    if (pid < 0) {
        return -1;
    }
    if (pid == 0) {
        _exit(body());
    }
    return wait_for(pid);
}

// Like fork, but the child runs `body` and exits; returns the child's pid.
template <class F>
pid_t start_child(F body) {
    fflush(nullptr);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(body());
    }
    return pid;
}

// The lambda, run in a forked child as a user without rights, returns 0.
template <class F>
void as_nobody(F body) {
    EXPECT_CHILD_OK([&] {
        CHECK(setgid(65534) == 0 && setuid(65534) == 0);
        return body();
    });
}

// The state letter of a process or thread in its /proc/.../stat; 0: it is not there.
inline char state_in(const char* stat_path) {
    char text[1024];
    if (read_text(stat_path, text, sizeof(text)) <= 0) {
        return 0;
    }
    const char* p = strrchr(text, ')');
    return p ? p[2] : 0;
}
inline bool asleep(pid_t pid) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    return state_in(path) == 'S';
}

inline uint64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
    timespec ts{};
    clock_gettime(clock, &ts);
    return static_cast<uint64_t>(ts.tv_sec) * 1000000000u + static_cast<uint64_t>(ts.tv_nsec);
}

inline void sleep_ms(long ms) {
    timespec ts{ms / 1000, ms % 1000 * 1000000};
    nanosleep(&ts, nullptr);
}

// Waits for a condition that another thread or process brings about; the watchdog bounds it.
template <class F>
void wait_until(F condition) {
    while (!condition()) {
        sleep_ms(1);
    }
}

// A thread that runs a callable; joined at the end of the scope.
template <class F>
class Thread {
  public:
    explicit Thread(F body) : body_(body) {
        started_ = pthread_create(&id_, nullptr, [](void* self) -> void* {
                       static_cast<Thread*>(self)->body_();
                       return nullptr;
                   }, this) == 0;
    }
    Thread(const Thread&) = delete;
    ~Thread() { join(); }
    void join() {
        if (started_) {
            pthread_join(id_, nullptr);
            started_ = false;
        }
    }
    pthread_t id() const { return id_; }
    bool started() const { return started_; }

  private:
    F body_;
    pthread_t id_{};
    bool started_ = false;
};

// A signal disposition, put back at the end of the scope.
class SignalAction {
  public:
    SignalAction(int sig, void (*handler)(int), int flags = 0) : sig_(sig) {
        struct sigaction sa{};
        sa.sa_handler = handler;
        sa.sa_flags = flags;
        sigaction(sig, &sa, &old_);
    }
    SignalAction(int sig, void (*handler)(int, siginfo_t*, void*), int flags = 0) : sig_(sig) {
        struct sigaction sa{};
        sa.sa_sigaction = handler;
        sa.sa_flags = flags | SA_SIGINFO;
        sigaction(sig, &sa, &old_);
    }
    SignalAction(const SignalAction&) = delete;
    ~SignalAction() { sigaction(sig_, &old_, nullptr); }

  private:
    int sig_;
    struct sigaction old_{};
};

// Signals blocked in the calling thread for the scope.
class BlockSignals {
  public:
    template <class... S>
    explicit BlockSignals(S... sigs) {
        sigset_t set;
        sigemptyset(&set);
        (sigaddset(&set, sigs), ...);
        pthread_sigmask(SIG_BLOCK, &set, &old_);
    }
    BlockSignals(const BlockSignals&) = delete;
    ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &old_, nullptr); }

  private:
    sigset_t old_;
};

inline void ignore_signal(int) {}

// SIGALRM every 10 ms without SA_RESTART: a call that blocks for ever must come back with EINTR.
class RepeatedAlarm {
  public:
    explicit RepeatedAlarm(int flags = 0) : action_(SIGALRM, ignore_signal, flags) {
        itimerval tv{{0, 10000}, {0, 10000}};
        setitimer(ITIMER_REAL, &tv, nullptr);
    }
    ~RepeatedAlarm() {
        itimerval off{};
        setitimer(ITIMER_REAL, &off, nullptr);
    }

  private:
    SignalAction action_;
};

// Anonymous (or file) memory, unmapped at the end of the scope.
class Mapping {
  public:
    explicit Mapping(size_t size, int prot = PROT_READ | PROT_WRITE, int flags = MAP_PRIVATE | MAP_ANONYMOUS,
                     int fd = -1, off_t offset = 0)
        : size_(size) {
        data_ = static_cast<char*>(mmap(nullptr, size, prot, flags, fd, offset));
    }
    Mapping(const Mapping&) = delete;
    ~Mapping() {
        if (valid()) {
            munmap(data_, size_);
        }
    }
    bool valid() const { return data_ != MAP_FAILED; }
    char* data() const { return data_; }
    char& operator[](size_t i) const { return data_[i]; }
    size_t size() const { return size_; }

  private:
    char* data_;
    size_t size_;
};

// A page whose next page is not accessible: `end() - n` is a buffer that ends at the fault.
class GuardedPage {
  public:
    GuardedPage() : map_(2 * 4096) { mprotect(map_.data() + 4096, 4096, PROT_NONE); }
    char* end() const { return map_.data() + 4096; }

  private:
    Mapping map_;
};

inline int memfd(const char* name = "compat", unsigned flags = 0) {
    return static_cast<int>(sys(SYS_memfd_create, name, flags));
}

// The test program again, as a helper: `HELPER(name) { ...uses argc, argv...; return status; }`, started
// by exec_helper("name", args...). The bare guest holds no other program.
struct Helper {
    const char* name;
    int (*body)(int argc, char** argv);
    Helper* next;
};
inline Helper* helpers = nullptr;
struct HelperRegistration {
    Helper helper;
    HelperRegistration(const char* name, int (*body)(int, char**)) : helper{name, body, helpers} {
        helpers = &helper;
    }
};
#define HELPER(name)                                                                     \
    static int helper_##name([[maybe_unused]] int argc, [[maybe_unused]] char** argv);   \
    static compat::HelperRegistration helper_registration_##name(#name, helper_##name);  \
    static int helper_##name([[maybe_unused]] int argc, [[maybe_unused]] char** argv)

template <class... A>
int exec_helper(const char* name, A... args) {
    char option[64];
    snprintf(option, sizeof(option), "--helper=%s", name);
    execl("/proc/self/exe", "compat-helper", option, args..., static_cast<char*>(nullptr));
    return 127;
}

} // namespace compat

using namespace compat;
