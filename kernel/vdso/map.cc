// Maps the vDSO and its data page into programs.
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/lib/random.h"
#include "kernel/lib/string.h"
#include "kernel/mm/address_space.h"
#include "kernel/sync/spinlock.h"
#include "kernel/time/clock.h"
#include "kernel/vdso/data.h"
#include "kernel/vdso/vdso.h"

extern "C" {
extern const char vdso_image_start[], vdso_image_end[];
}

namespace linnet {

namespace {

/// Page 0: the data; the rest: the image.
class VdsoObject : public VmObject {
  public:
    Result<Page*> get_object_page(u64 index, bool) override {
        if (index >= count) return ENXIO;
        get_page(pages[index]);
        return pages[index];
    }
    Page* peek_object_page(u64 index) override {
        if (index >= count) return nullptr;
        get_page(pages[index]);
        return pages[index];
    }
    u64 object_size() const override { return count * kPageSize; }

    Page* pages[8];
    u64 count = 0;
};

VdsoObject* object;
VdsoData* data;
SpinLock<Rank::ClockData> data_lock; // writers; programs read by the sequence

/// At the first exec, which is process 1's.
Result<void> make_object() {
    auto o = TRY(make_ref<VdsoObject>());
    u64 size = u64(vdso_image_end - vdso_image_start);
    u64 n = 1 + (page_up(size) >> kPageShift);
    CHECK(n <= sizeof o->pages / sizeof o->pages[0]);
    for (; o->count < n; ++o->count) {
        auto p = alloc_page(true);
        if (!p) return ENOMEM; // the pages so far stay with the object, which the next try leaves behind
        o->pages[o->count] = *p;
        if (!o->count) continue;
        u64 off = (o->count - 1) * kPageSize;
        memcpy(page_to_virt(*p), vdso_image_start + off, size - off < kPageSize ? size - off : kPageSize);
    }
    data = static_cast<VdsoData*>(page_to_virt(o->pages[0]));
    data->has_rdtscp = cpu::cpuid(0x80000001).edx >> 27 & 1;
    object = o.release();
    vdso_clock_changed();
    return {};
}

} // namespace

void vdso_clock_changed() {
    if (!data) return;
    SpinGuard g(data_lock);
    const TscScale& s = tsc_scale();
    __atomic_store_n(&data->sequence, data->sequence + 1, __ATOMIC_SEQ_CST);
    data->shift = s.shift;
    data->tsc_base = s.base;
    data->mult = s.mult;
    data->real_offset_ns = realtime_offset_ns();
    const KernelTimezone zone = kernel_timezone();
    data->minutes_west = zone.minutes_west;
    data->dst_time = zone.dst_time;
    __atomic_store_n(&data->sequence, data->sequence + 1, __ATOMIC_SEQ_CST);
}

Result<u64> map_vdso_image(AddressSpace& space) {
    if (!object) TRY(make_object());
    MapRequest r;
    r.length = object->count * kPageSize;
    r.prot = kProtRead;
    r.vma_flags = kVmaSpecial;
    r.object = Ref<VmObject>(object);
    r.label = "[vvar]";
    u64 at = TRY(space.map(r));
    r.addr = at + kPageSize;
    r.fixed = true;
    r.length -= kPageSize;
    r.offset = kPageSize;
    r.prot = kProtRead | kProtExec;
    r.label = "[vdso]";
    return space.map(r);
}

} // namespace linnet
