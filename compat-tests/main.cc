// main() of every test program: helpers, --start-after (the runner's way to go on behind a case that took
// the guest down), and a watchdog that ends the process when one case takes longer than 60 seconds.
#include "support.h"

#include <sys/resource.h>

#ifdef LINNET_MINITEST
#else
#include <string>
#endif

namespace {

constexpr int watchdog_limit_seconds = 60;
char current_case[256];
int case_number; // atomically changed when a case starts or ends; odd while one runs

void* watchdog(void*) {
    int seen = 0, seconds = 0;
    for (;;) {
        sleep_ms(1000);
        int now = __atomic_load_n(&case_number, __ATOMIC_ACQUIRE);
        seconds = now == seen && (now & 1) ? seconds + 1 : 0;
        seen = now;
        if (seconds >= watchdog_limit_seconds) {
            printf("[  WATCHDOG] %s\n", current_case);
            fflush(stdout);
            sys(SYS_exit_group, 124);
        }
    }
}

void start_watchdog() {
    if (getenv("COMPAT_NO_WATCHDOG")) {
        return;
    }
    // The thread takes no signals: tests count on theirs.
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 * 1024);
    pthread_t id;
    if (pthread_create(&id, &attr, watchdog, nullptr) == 0) {
        pthread_detach(id);
    }
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

void case_starts(const char* name) {
    snprintf(current_case, sizeof(current_case), "%s", name);
    __atomic_fetch_add(&case_number, 1, __ATOMIC_RELEASE);
}

void case_ends() { __atomic_fetch_add(&case_number, 1, __ATOMIC_RELEASE); }

#ifndef LINNET_MINITEST
class WatchdogListener : public ::testing::EmptyTestEventListener {
    void OnTestStart(const ::testing::TestInfo& info) override {
        case_starts((std::string(info.test_suite_name()) + "." + info.name()).c_str());
    }
    void OnTestEnd(const ::testing::TestInfo&) override { case_ends(); }
};
#endif

} // namespace

int main(int argc, char** argv) {
    if (argc > 1 && strncmp(argv[1], "--helper=", 9) == 0) {
        for (Helper* h = helpers; h; h = h->next) {
            if (strcmp(h->name, argv[1] + 9) == 0) {
                return h->body(argc - 1, argv + 1);
            }
        }
        return 126;
    }
    const char* start_after = nullptr;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--start-after=", 14) == 0) {
            start_after = argv[i] + 14;
        }
    }
    // Crashes are part of the tests: no core files.
    rlimit no_core{};
    getrlimit(RLIMIT_CORE, &no_core);
    no_core.rlim_cur = 0; // core_test.cc raises it again
    setrlimit(RLIMIT_CORE, &no_core);
#ifdef LINNET_MINITEST
    start_watchdog();
    return minitest::run_all(argc, argv, start_after, case_starts, case_ends);
#else
    ::testing::InitGoogleTest(&argc, argv);
    if (start_after) {
        bool started = false;
        std::string rest, given = ::testing::GTEST_FLAG(filter);
        auto* unit = ::testing::UnitTest::GetInstance();
        for (int s = 0; s < unit->total_test_suite_count(); s++) {
            auto* suite = unit->GetTestSuite(s);
            for (int t = 0; t < suite->total_test_count(); t++) {
                std::string name = std::string(suite->name()) + "." + suite->GetTestInfo(t)->name();
                if (started) {
                    rest += name + ":";
                }
                started = started || name == start_after;
            }
        }
        std::string::size_type minus = given.find('-');
        ::testing::GTEST_FLAG(filter) = (rest.empty() ? std::string("none") : rest) +
                                        (minus == std::string::npos ? "" : given.substr(minus));
    }
    ::testing::UnitTest::GetInstance()->listeners().Append(new WatchdogListener);
    start_watchdog();
    return RUN_ALL_TESTS();
#endif
}
