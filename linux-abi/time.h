// Clocks, timers, adjtimex.
// Source: clock_gettime(2), timerfd_create(2), setitimer(2), adjtimex(2).
#pragma once

#include "linux-abi/types.h"

namespace linnet::abi {
inline namespace constants {

inline constexpr int CLOCK_DEFAULT = 0;
inline constexpr int CLOCK_REALTIME = 0;
inline constexpr int CLOCK_EXT = 1;
inline constexpr int CLOCK_MONOTONIC = 1;
inline constexpr int CLOCK_INT = 2;
inline constexpr int CLOCK_PROCESS_CPUTIME_ID = 2;
inline constexpr int CLOCK_THREAD_CPUTIME_ID = 3;
inline constexpr int CLOCK_TXINT = 3;
inline constexpr int CLOCK_MONOTONIC_RAW = 4;
inline constexpr int CLOCK_TXFROMRX = 4;
inline constexpr int CLOCK_REALTIME_COARSE = 5;
inline constexpr int CLOCK_MONOTONIC_COARSE = 6;
inline constexpr int CLOCK_BOOTTIME = 7;
inline constexpr int CLOCK_REALTIME_ALARM = 8;
inline constexpr int CLOCK_BOOTTIME_ALARM = 9;
inline constexpr int CLOCK_TAI = 11;

inline constexpr int TIMER_ABSTIME = 1;

inline constexpr int ITIMER_REAL = 0;
inline constexpr int ITIMER_VIRTUAL = 1;
inline constexpr int ITIMER_PROF = 2;

inline constexpr int TFD_TIMER_ABSTIME = 0x1;
inline constexpr int TFD_TIMER_CANCEL_ON_SET = 0x2;
inline constexpr int TFD_NONBLOCK = 0x800;
inline constexpr int TFD_CLOEXEC = 0x80000;

inline constexpr int ADJ_OFFSET = 0x1;
inline constexpr int ADJ_FREQUENCY = 0x2;
inline constexpr int ADJ_MAXERROR = 0x4;
inline constexpr int ADJ_ESTERROR = 0x8;
inline constexpr int ADJ_STATUS = 0x10;
inline constexpr int ADJ_TIMECONST = 0x20;
inline constexpr int ADJ_TAI = 0x80;
inline constexpr int ADJ_SETOFFSET = 0x100;
inline constexpr int ADJ_MICRO = 0x1000;
inline constexpr int ADJ_NANO = 0x2000;
inline constexpr int ADJ_TICK = 0x4000;
inline constexpr int ADJ_OFFSET_SINGLESHOT = 0x8001;
inline constexpr int ADJ_OFFSET_SS_READ = 0xa001;

inline constexpr int TIME_OK = 0;
inline constexpr int TIME_INS = 1;
inline constexpr int TIME_DEL = 2;
inline constexpr int TIME_OOP = 3;
inline constexpr int TIME_WAIT = 4;
inline constexpr int TIME_ERROR = 5;

inline constexpr int STA_PLL = 0x1;
inline constexpr int STA_PPSFREQ = 0x2;
inline constexpr int STA_PPSTIME = 0x4;
inline constexpr int STA_FLL = 0x8;
inline constexpr int STA_INS = 0x10;
inline constexpr int STA_DEL = 0x20;
inline constexpr int STA_UNSYNC = 0x40;
inline constexpr int STA_FREQHOLD = 0x80;
inline constexpr int STA_PPSSIGNAL = 0x100;
inline constexpr int STA_PPSJITTER = 0x200;
inline constexpr int STA_PPSWANDER = 0x400;
inline constexpr int STA_PPSERROR = 0x800;
inline constexpr int STA_CLOCKERR = 0x1000;
inline constexpr int STA_NANO = 0x2000;
inline constexpr int STA_MODE = 0x4000;
inline constexpr int STA_CLK = 0x8000;
inline constexpr int STA_RONLY = 0xff00;

} // namespace constants

struct Timespec {
    int64_t sec, nsec;
};
static_assert(sizeof(Timespec) == 16);
struct Timeval {
    int64_t sec, usec;
};
static_assert(sizeof(Timeval) == 16);
struct Itimerspec {
    Timespec interval, value;
};
static_assert(sizeof(Itimerspec) == 32);
struct Itimerval {
    Timeval interval, value;
};
static_assert(sizeof(Itimerval) == 32);
struct Timezone {
    int32_t minuteswest, dsttime;
};
static_assert(sizeof(Timezone) == 8);
struct Tms {
    int64_t utime, stime, cutime, cstime; // clock ticks of 10 ms
};
static_assert(sizeof(Tms) == 32);
struct Timex {
    uint32_t modes, pad0;
    int64_t offset, freq, maxerror, esterror;
    int32_t status, pad1;
    int64_t constant, precision, tolerance;
    Timeval time;
    int64_t tick, ppsfreq, jitter;
    int32_t shift, pad2;
    int64_t stabil, jitcnt, calcnt, errcnt, stbcnt;
    int32_t tai, reserved[11];
};
static_assert(sizeof(Timex) == 208 && offsetof(Timex, time) == 72 && offsetof(Timex, tai) == 160);
inline constexpr int64_t user_hz = 100; // clock ticks per second, AT_CLKTCK
} // namespace linnet::abi
