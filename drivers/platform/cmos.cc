// The CMOS clock (MC146818): registers through ports 0x70 and 0x71.
#include "drivers/drivers.h"
#include "kernel/arch/x86_64/port_io.h"
#include "kernel/boot/machine_tables.h"

namespace linnet {
namespace {

u8 cmos(u8 reg) {
    port_out8(0x70, u8(reg | 0x80)); // bit 7: NMI off during the access, as firmware leaves it
    return port_in8(0x71);
}

struct Raw {
    u8 seconds, minutes, hours, day, month, year, century;
    bool operator==(const Raw&) const = default;
};

Raw read_raw() { return {cmos(0), cmos(2), cmos(4), cmos(7), cmos(8), cmos(9), cmos(0x32)}; }

u32 from_bcd(u8 v) { return (v >> 4) * 10u + (v & 15); }

/// Days from 1970-01-01 to a date of the Gregorian calendar.
u64 days_since_epoch(u32 y, u32 m, u32 d) {
    // Years begin in March here, so that the leap day is the last one.
    if (m <= 2) y -= 1;
    u32 shifted = m > 2 ? m - 3 : m + 9;
    u64 days = 365ull * y + y / 4 - y / 100 + y / 400 + (153 * shifted + 2) / 5 + d - 1;
    return days - 719468; // 0000-03-01 to 1970-01-01
}

} // namespace

Result<u64> cmos_read_unix_seconds() {
    if (!machine_tables.has_cmos_rtc) return ENODEV;
    // The update flag is up for at most 2.2 ms a second; two equal readings with it down are a consistent one.
    for (int tries = 0; tries < 4000; ++tries) {
        u8 a = cmos(0x0a);
        if (a == 0xff) return ENODEV;
        if (a & 0x80) {
            port_out8(0x80, 0);
            continue;
        }
        Raw first = read_raw();
        if (cmos(0x0a) & 0x80) continue;
        if (!(read_raw() == first)) continue;
        u8 b = cmos(0x0b);
        bool binary = b & 4, hours24 = b & 2;
        u32 hour_raw = first.hours & 0x7f;
        auto value = [&](u32 v) { return binary ? v : from_bcd(u8(v)); };
        u32 sec = value(first.seconds), min = value(first.minutes), hour = value(hour_raw), day = value(first.day),
            month = value(first.month), year = value(first.year), century = value(first.century);
        if (!hours24) {
            if (hour > 12 || hour == 0) return ENODEV;
            hour = hour % 12 + (first.hours & 0x80 ? 12 : 0);
        }
        year += century >= 19 && century <= 29 ? century * 100 : (year < 70 ? 2000 : 1900);
        if (sec > 60 || min > 59 || hour > 23 || day < 1 || day > 31 || month < 1 || month > 12 || year < 1970)
            return ENODEV;
        return days_since_epoch(year, month, day) * 86400 + hour * 3600 + min * 60 + sec;
    }
    return ENODEV;
}

} // namespace linnet
