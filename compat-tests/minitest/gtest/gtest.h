// The part of GoogleTest's interface that the compatibility tests use, without a C++ standard library:
// Debian has no libstdc++ for musl, and the static lane is built with musl's headers alone. Same macros,
// same output lines, same --gtest_filter and --gtest_list_tests. C headers only; no exceptions, no RTTI.
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace minitest {

struct Test {
    const char* suite;
    const char* name;
    void (*body)();
    Test* next;
};

inline Test* first_test = nullptr;
inline Test** last_link = &first_test;
inline bool current_failed = false;
inline bool current_skipped = false;

struct Registration {
    Test test;
    Registration(const char* suite, const char* name, void (*body)()) : test{suite, name, body, nullptr} {
        *last_link = &test;
        last_link = &test.next;
    }
};

// Text of a failure; longer text is cut.
class Message {
  public:
    Message& operator<<(const char* s) {
        append("%s", s ? s : "(null)");
        return *this;
    }
    Message& operator<<(char* s) { return *this << static_cast<const char*>(s); }
    Message& operator<<(char c) {
        append("%c", c);
        return *this;
    }
    Message& operator<<(bool b) { return *this << (b ? "true" : "false"); }
    template <class T>
    Message& operator<<(const T& v) {
        if constexpr (__is_enum(T)) {
            append("%lld", static_cast<long long>(v));
        } else if constexpr (requires { static_cast<const void*>(v); }) {
            append("%p", static_cast<const void*>(v));
        } else if constexpr (requires { v % 2; }) {
            append(T(-1) < T(0) ? "%lld" : "%llu", static_cast<long long>(v));
        } else if constexpr (requires { v / 2.5; }) {
            append("%g", static_cast<double>(v));
        } else {
            append("<%zu bytes>", sizeof(v));
        }
        return *this;
    }
    const char* text() const { return text_; }

  private:
    template <class... A>
    void append(const char* format, A... args) {
        size_t used = strlen(text_);
        snprintf(text_ + used, sizeof(text_) - used, format, args...);
    }
    char text_[1024] = "";
};

struct Result {
    bool ok;
    Message message;
};

struct Report {
    const char* file;
    int line;
    const Result& result;
    void operator=(const Message& user) const {
        current_failed = true;
        printf("%s:%d: Failure\n%s\n", file, line, result.message.text());
        if (user.text()[0] != 0) {
            printf("%s\n", user.text());
        }
        fflush(stdout);
    }
};

struct Skip {
    void operator=(const Message& user) const {
        current_skipped = true;
        printf("Skipped\n%s\n", user.text());
    }
};


template <class A, class B, class Compare>
Result compare(const char* ta, const char* tb, const char* op, const A& a, const B& b, Compare c) {
    Result r{c(a, b), {}};
    if (!r.ok) {
        r.message << "Expected: (" << ta << ") " << op << " (" << tb << "), actual: " << a << " vs " << b;
    }
    return r;
}

inline Result truth(const char* text, bool value, bool wanted) {
    Result r{value == wanted, {}};
    if (!r.ok) {
        r.message << "Value of: " << text << "\nExpected: " << wanted;
    }
    return r;
}

inline Result string_equal(const char* ta, const char* tb, const char* a, const char* b) {
    Result r{a == b || (a && b && strcmp(a, b) == 0), {}};
    if (!r.ok) {
        r.message << "Expected equal: " << ta << " and " << tb << "\n  \"" << a << "\"\n  \"" << b << "\"";
    }
    return r;
}

// One pattern of a --gtest_filter: `*` and `?`.
inline bool match_one(const char* p, const char* end, const char* s) {
    if (p == end) {
        return *s == 0;
    }
    if (*p == '*') {
        return match_one(p + 1, end, s) || (*s && match_one(p, end, s + 1));
    }
    return *s && (*p == '?' || *p == *s) && match_one(p + 1, end, s + 1);
}

inline bool match_list(const char* from, const char* to, const char* s) {
    while (from < to) {
        const char* end = from;
        while (end < to && *end != ':') {
            end++;
        }
        if (match_one(from, end, s)) {
            return true;
        }
        from = end + 1;
    }
    return false;
}

inline bool selected(const char* filter, const char* name) {
    const char* end = filter + strlen(filter);
    const char* minus = strchr(filter, '-');
    const char* positive_end = minus ? minus : end;
    if (positive_end != filter && !match_list(filter, positive_end, name)) {
        return false;
    }
    return !minus || !match_list(minus + 1, end, name);
}

inline void full_name(const Test* t, char* out, size_t size) { snprintf(out, size, "%s.%s", t->suite, t->name); }

template <class OnStart, class OnEnd>
int run_all(int argc, char** argv, const char* start_after, OnStart on_start, OnEnd on_end) {
    const char* filter = "*";
    bool list = false;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--gtest_filter=", 15) == 0) {
            filter = argv[i] + 15;
        } else if (strcmp(argv[i], "--gtest_list_tests") == 0) {
            list = true;
        }
    }
    int ran = 0, failed = 0;
    bool started = start_after == nullptr;
    for (Test* t = first_test; t; t = t->next) {
        char name[256];
        full_name(t, name, sizeof(name));
        if (!started) {
            started = strcmp(name, start_after) == 0;
            continue;
        }
        if (!selected(filter, name)) {
            continue;
        }
        if (list) {
            printf("%s.\n  %s\n", t->suite, t->name);
            continue;
        }
        printf("[ RUN      ] %s\n", name);
        fflush(stdout);
        current_failed = current_skipped = false;
        on_start(name);
        t->body();
        on_end();
        printf("%s %s (0 ms)\n",
               current_failed ? "[  FAILED  ]" : current_skipped ? "[  SKIPPED ]" : "[       OK ]", name);
        fflush(stdout);
        ran++;
        failed += current_failed;
    }
    if (!list) {
        printf("[==========] %d tests ran.\n[  PASSED  ] %d tests.\n", ran, ran - failed);
    }
    fflush(stdout);
    return failed ? 1 : 0;
}

} // namespace minitest

#define TEST(suite, name)                                                                             \
    static void suite##_##name##_body();                                                              \
    static minitest::Registration suite##_##name##_registration(#suite, #name, suite##_##name##_body); \
    static void suite##_##name##_body()

#define MINITEST_CHECK(result, on_failure)                                                       \
    switch (0)                                                                                   \
    case 0:                                                                                      \
    default:                                                                                     \
        if (auto minitest_result = result; minitest_result.ok) {                                 \
        } else                                                                                   \
            on_failure minitest::Report{__FILE__, __LINE__, minitest_result} = minitest::Message()

#define MINITEST_COMPARE(a, b, op, on_failure)                                                         \
    MINITEST_CHECK(minitest::compare(#a, #b, #op, a, b,                                                \
                                     [](const auto& x, const auto& y) { return x op y; }), on_failure)

#define EXPECT_EQ(a, b) MINITEST_COMPARE(a, b, ==, )
#define EXPECT_NE(a, b) MINITEST_COMPARE(a, b, !=, )
#define EXPECT_LT(a, b) MINITEST_COMPARE(a, b, <, )
#define EXPECT_LE(a, b) MINITEST_COMPARE(a, b, <=, )
#define EXPECT_GT(a, b) MINITEST_COMPARE(a, b, >, )
#define EXPECT_GE(a, b) MINITEST_COMPARE(a, b, >=, )
#define ASSERT_EQ(a, b) MINITEST_COMPARE(a, b, ==, return)
#define ASSERT_NE(a, b) MINITEST_COMPARE(a, b, !=, return)
#define ASSERT_LT(a, b) MINITEST_COMPARE(a, b, <, return)
#define ASSERT_LE(a, b) MINITEST_COMPARE(a, b, <=, return)
#define ASSERT_GT(a, b) MINITEST_COMPARE(a, b, >, return)
#define ASSERT_GE(a, b) MINITEST_COMPARE(a, b, >=, return)
#define EXPECT_TRUE(c) MINITEST_CHECK(minitest::truth(#c, static_cast<bool>(c), true), )
#define EXPECT_FALSE(c) MINITEST_CHECK(minitest::truth(#c, static_cast<bool>(c), false), )
#define ASSERT_TRUE(c) MINITEST_CHECK(minitest::truth(#c, static_cast<bool>(c), true), return)
#define ASSERT_FALSE(c) MINITEST_CHECK(minitest::truth(#c, static_cast<bool>(c), false), return)
#define EXPECT_STREQ(a, b) MINITEST_CHECK(minitest::string_equal(#a, #b, a, b), )
#define ASSERT_STREQ(a, b) MINITEST_CHECK(minitest::string_equal(#a, #b, a, b), return)
#define ADD_FAILURE() MINITEST_CHECK(minitest::truth("failure", false, true), )
#define FAIL() MINITEST_CHECK(minitest::truth("failure", false, true), return)
#define GTEST_SKIP() return minitest::Skip() = minitest::Message()
