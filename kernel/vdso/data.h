// The page that the vDSO's code reads: mapped read-only below it ([vvar]).
#pragma once

#include <stdint.h>

struct VdsoData {
    uint32_t sequence; // odd while being changed
    uint32_t shift;
    uint64_t tsc_base;
    uint64_t mult;
    int64_t real_offset_ns; // CLOCK_REALTIME minus CLOCK_MONOTONIC
    int32_t minutes_west, dst_time; // settimeofday(2)'s time zone
    uint32_t has_rdtscp;    // TSC_AUX holds the CPU's number
};
