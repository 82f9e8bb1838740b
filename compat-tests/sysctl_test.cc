// Settings under /proc/sys that root can write, and what they do. Cases on names and ports work in a child with namespaces
// of its own where there are some; where /proc/sys is read-only (a container) nothing is checked. Settings of the whole
// machine are not touched: other tests run beside these.
#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/utsname.h>

namespace {

// A file's text, put back in the end.
class Setting {
  public:
    explicit Setting(const char* path) : path_(path) { length_ = read_text(path, text_, sizeof text_); }
    ~Setting() {
        if (length_ > 0) (void)write(text_);
    }
    // 0, or the errno.
    int write(const char* text) const {
        Fd f(open(path_, O_WRONLY));
        if (!f.valid()) return errno;
        ssize_t n = ::write(f, text, strlen(text));
        return n == static_cast<ssize_t>(strlen(text)) ? 0 : n < 0 ? errno : -1;
    }
    bool is(const char* text) const {
        char now[256] = {};
        read_text(path_, now, sizeof now);
        return strcmp(now, text) == 0;
    }

  private:
    const char* path_;
    char text_[256] = {};
    ssize_t length_;
};

// The machine's own names and ports, if it has namespaces. False: /proc/sys can't be written here (a container).
bool step_aside() {
    (void)unshare(CLONE_NEWUTS | CLONE_NEWNET);
    Fd f(open("/proc/sys/kernel/hostname", O_WRONLY));
    return f.valid();
}
bool can_step_aside() {
    return compat::run_in_child([] { return step_aside() ? 0 : 1; }) == 0;
}
int bound_port(int type) {
    Fd s(socket(AF_INET, type, 0));
    sockaddr_in a{};
    a.sin_family = AF_INET;
    socklen_t n = sizeof a;
    if (bind(s, reinterpret_cast<sockaddr*>(&a), n) != 0 || getsockname(s, reinterpret_cast<sockaddr*>(&a), &n) != 0) return -1;
    return ntohs(a.sin_port);
}

} // namespace

TEST(proc_sys, hostname_is_uname_s) {
    if (!can_step_aside()) GTEST_SKIP() << "/proc/sys cannot be written here";
    EXPECT_CHILD_OK([] {
        CHECK(step_aside());
        Setting host("/proc/sys/kernel/hostname");
        CHECK(host.write("compat-name\n") == 0);
        utsname u;
        CHECK(uname(&u) == 0 && strcmp("compat-name", u.nodename) == 0);
        CHECK(sethostname("other", 5) == 0);
        CHECK(host.is("other\n"));
        return 0;
    });
}
TEST(proc_sys, numbers_keep_their_bounds) {
    if (!can_step_aside()) GTEST_SKIP() << "/proc/sys cannot be written here";
    EXPECT_CHILD_OK([] {
        CHECK(step_aside());
        Setting s("/proc/sys/net/core/somaxconn");
        CHECK(s.write("100\n") == 0);
        CHECK(s.is("100\n"));
        CHECK(s.write("-1\n") == EINVAL);
        CHECK(s.write("many\n") == EINVAL);
        CHECK(s.is("100\n"));
        return 0;
    });
}
TEST(proc_sys, ip_local_port_range_chooses_ports) {
    if (!can_step_aside()) GTEST_SKIP() << "/proc/sys cannot be written here";
    EXPECT_CHILD_OK([] {
        CHECK(step_aside());
        Setting s("/proc/sys/net/ipv4/ip_local_port_range");
        CHECK(s.write("45000 45063\n") == 0);
        CHECK(s.is("45000\t45063\n"));
        int stream = bound_port(SOCK_STREAM), datagram = bound_port(SOCK_DGRAM);
        CHECK(stream >= 45000 && stream <= 45063);
        CHECK(datagram >= 45000 && datagram <= 45063);
        CHECK(s.write("50000 40000\n") == EINVAL);
        return 0;
    });
}
TEST(proc_sys, unprivileged_ports_begin_where_it_says) {
    if (!can_step_aside()) GTEST_SKIP() << "/proc/sys cannot be written here";
    EXPECT_CHILD_OK([] {
        CHECK(step_aside());
        auto bind_999 = [] {
            CHECK(setuid(65534) == 0);
            Fd f(socket(AF_INET, SOCK_DGRAM, 0));
            sockaddr_in a{};
            a.sin_family = AF_INET;
            a.sin_port = htons(999);
            if (bind(f, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0) return 0;
            return errno == EACCES ? 2 : 3;
        };
        Setting s("/proc/sys/net/ipv4/ip_unprivileged_port_start");
        CHECK(s.write("999\n") == 0);
        CHECK(compat::run_in_child(bind_999) == 0);
        CHECK(s.write("1000\n") == 0);
        CHECK(compat::run_in_child(bind_999) == 2 << 8);
        return 0;
    });
}
TEST(proc_sys, strangers_may_not_write) {
    EXPECT_CHILD_OK([] {
        CHECK(setuid(65534) == 0);
        CHECK(open("/proc/sys/kernel/hostname", O_WRONLY) == -1 && (errno == EACCES || errno == EROFS));
        return 0;
    });
}
