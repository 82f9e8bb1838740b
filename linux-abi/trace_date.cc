// Dates in trace lines: UTC, as strace shows them where no time zone is set.
#include "linux-abi/trace_call.h"

namespace linnet::abi {
namespace {

void put_digits(TraceText& out, uint64_t value, int width) {
    char text[20];
    for (int i = width; i-- > 0; value /= 10) text[i] = static_cast<char>('0' + value % 10);
    out.put(std::string_view(text, static_cast<size_t>(width)));
}

} // namespace

void put_date(TraceText& out, int64_t seconds, uint64_t fraction, int digits) {
    constexpr int64_t day_length = 86400;
    // Beyond year 9999 strace shows no date that is of use.
    if (seconds > 253402300799 || seconds < -62135596800) return;
    int64_t days = seconds / day_length, rest = seconds % day_length;
    if (rest < 0) rest += day_length, --days;
    // Proleptic Gregorian calendar, from 1 March of year 0 in eras of 400 years.
    days += 719468;
    const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const int64_t day_of_era = days - era * 146097;
    const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month_from_march = (5 * day_of_year + 2) / 153;
    const int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    const int64_t year = year_of_era + era * 400 + (month <= 2);
    put_digits(out, static_cast<uint64_t>(year), 4);
    out.put('-');
    put_digits(out, static_cast<uint64_t>(month), 2);
    out.put('-');
    put_digits(out, static_cast<uint64_t>(day), 2);
    out.put('T');
    put_digits(out, static_cast<uint64_t>(rest / 3600), 2);
    out.put(':');
    put_digits(out, static_cast<uint64_t>(rest / 60 % 60), 2);
    out.put(':');
    put_digits(out, static_cast<uint64_t>(rest % 60), 2);
    if (fraction) {
        out.put('.');
        put_digits(out, fraction, digits);
    }
    out.put("+0000");
}

void put_ticks(TraceText& out, int64_t ticks) {
    out.decimal(ticks);
    if (ticks <= 0) return;
    out.put(" /* ");
    out.decimal(ticks / 100);
    out.put('.');
    put_digits(out, static_cast<uint64_t>(ticks % 100), 2);
    out.put(" s */");
}

} // namespace linnet::abi
