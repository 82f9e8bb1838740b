// The kernel's log, on the serial line. Any context.
#pragma once

namespace linnet {

enum class LogLevel : int { Error, Warn, Info, Debug };

void log(LogLevel level, const char* format, ...) __attribute__((format(printf, 2, 3)));
extern LogLevel log_level;
/// Text as it is (pieces of a line of the trace).
void log_text(const char* text, unsigned long size);

} // namespace linnet

#define LOG_AT(level, ...)                                                   \
    do {                                                                     \
        if (::linnet::LogLevel::level <= ::linnet::log_level)                \
            ::linnet::log(::linnet::LogLevel::level, __VA_ARGS__);           \
    } while (0)
#define log_error(...) LOG_AT(Error, __VA_ARGS__)
#define log_warn(...) LOG_AT(Warn, __VA_ARGS__)
#define log_info(...) LOG_AT(Info, __VA_ARGS__)
#define log_debug(...) LOG_AT(Debug, __VA_ARGS__)
