// Any bytes as a signal frame and extended state, and any registers under a new frame.
#include "linux-abi/signal_frame.h"

using namespace linnet::abi;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    RtSigframe f{};
    memcpy(&f, data, std::min(size, sizeof f));
    auto r = restore_signal_frame(f, 0x202);
    if (r.ok()) {
        constexpr uint64_t end = 0x7ffffffff000;
        if (r->regs.rip >= end || r->regs.rsp > end || !(r->regs.eflags & 0x200) || (r->regs.eflags & 0x3000) ||
            r->mask.has(SIGKILL) || r->fpstate % 64)
            abort();
    }
    std::vector<uint8_t> area(size < 512 ? 832 : size);
    memcpy(area.data(), data, size);
    Fpstate head;
    memcpy(&head, area.data(), sizeof head);
    uint32_t n = claimed_xstate_size(head, area.size());
    if (n != 512 && (n < 576 || n > area.size())) abort();
    (void)check_fpstate(area.data(), n <= area.size() ? n : area.size(), 7, 0xffff);

    SignalDelivery d{};
    memcpy(&d, data, std::min(size, sizeof d));
    d.xsave_size &= 0x3fff;
    auto l = plan_signal_frame(d);
    if (l.ok()) {
        if (l->frame % 16 != 8 || l->fpstate % 64 || l->end > 0x7ffffffff000 || l->frame + sizeof(RtSigframe) > l->end)
            abort();
        fill_signal_frame(d, *l, f);
        (void)handler_registers(d, *l);
    }
    return 0;
}
