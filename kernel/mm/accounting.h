// Where pages are, for /proc/meminfo.
#pragma once

#include <atomic>

#include "kernel/lib/types.h"

namespace linnet {

struct MemoryCounters { std::atomic<u64> slab_pages{0}, page_table_pages{0}, anon_pages{0}, cached_pages{0}, shmem_pages{0}; };
extern MemoryCounters memory_counters;
u64 free_page_count();
u64 total_page_count();

} // namespace linnet
