// Clang's thread-safety annotations; nothing under gcc. cmake/check_thread_safety.py, part of the test run, lets clang check them.
#pragma once

#if defined(__clang__)
#define LINNET_TS(x) __attribute__((x))
#else
#define LINNET_TS(x)
#endif
#define CAPABILITY(x) LINNET_TS(capability(x))
#define SCOPED_CAPABILITY LINNET_TS(scoped_lockable)
#define GUARDED_BY(x) LINNET_TS(guarded_by(x))
#define PT_GUARDED_BY(x) LINNET_TS(pt_guarded_by(x))
#define REQUIRES(...) LINNET_TS(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) LINNET_TS(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) LINNET_TS(acquire_capability(__VA_ARGS__))
#define RELEASE(...) LINNET_TS(release_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) LINNET_TS(try_acquire_capability(__VA_ARGS__))
/// For code that holds a lock in a way that clang can't follow: it is taken as held from the call on.
#define ASSERT_HELD(...) LINNET_TS(assert_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY LINNET_TS(no_thread_safety_analysis)
