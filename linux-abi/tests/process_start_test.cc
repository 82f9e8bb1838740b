// The initial stack, the signal frame, the call-site table.
#include "linux-abi/initial_stack.h"
#include "linux-abi/signal_frame.h"
#include "linux-abi/site_table.h"

#include <gtest/gtest.h>

namespace linnet::abi {
namespace {

class Memory final : public StackWriter {
  public:
    explicit Memory(uint64_t top, size_t size) : start_(top - size), bytes_(size) {}
    Result<void> write(uint64_t address, const void* data, size_t size) override {
        if (address < start_ || address - start_ > bytes_.size() || bytes_.size() - (address - start_) < size)
            return EFAULT;
        memcpy(bytes_.data() + (address - start_), data, size);
        return {};
    }
    uint64_t word(uint64_t a) const {
        uint64_t v;
        memcpy(&v, &bytes_.at(a - start_), 8);
        return v;
    }
    std::string string(uint64_t a) const { return &bytes_.at(a - start_); }

  private:
    uint64_t start_;
    std::vector<char> bytes_;
};

constexpr uint64_t top = 0x7ffffffff000;

InitialStack sample(std::string& strings) {
    InitialStack in{};
    in.stack_top = top;
    strings = std::string("prog\0a b\0\0", 10) + std::string("PATH=/bin\0X=1\0", 14);
    in.strings = strings;
    in.argc = 3;
    in.envc = 2;
    in.file_name = "/bin/prog";
    in.gap = 1234;
    memset(in.random, 7, 16);
    in.sysinfo_ehdr = 0x7fff00000000;
    in.phdr = 0x400040;
    in.phnum = 9;
    in.entry = 0x401000;
    return in;
}

TEST(InitialStack, LooksAsTheAbiSays) {
    std::string strings;
    InitialStack in = sample(strings);
    auto l = plan_initial_stack(in, 1 << 16);
    ASSERT_TRUE(l.ok());
    Memory m(top, 1 << 16);
    ASSERT_TRUE(write_initial_stack(in, *l, m).ok());
    EXPECT_EQ(l->rsp % 16, 0u);
    uint64_t at = l->rsp;
    EXPECT_EQ(m.word(at), 3u);
    EXPECT_EQ(m.string(m.word(at + 8)), "prog");
    EXPECT_EQ(m.string(m.word(at + 16)), "a b");
    EXPECT_EQ(m.string(m.word(at + 24)), "");
    EXPECT_EQ(m.word(at + 32), 0u);
    EXPECT_EQ(m.string(m.word(at + 40)), "PATH=/bin");
    EXPECT_EQ(m.string(m.word(at + 48)), "X=1");
    EXPECT_EQ(m.word(at + 56), 0u);
    EXPECT_EQ(l->auxv, at + 64);
    std::map<uint64_t, uint64_t> aux;
    for (at = l->auxv;; at += 16) {
        aux[m.word(at)] = m.word(at + 8);
        if (m.word(at) == 0) break;
    }
    EXPECT_EQ(at + 16 - l->auxv, l->auxv_size);
    EXPECT_EQ(aux.size(), 21u);
    EXPECT_EQ(aux[AT_PAGESZ], 4096u);
    EXPECT_EQ(aux[AT_PHDR], 0x400040u);
    EXPECT_EQ(m.string(aux[AT_EXECFN]), "/bin/prog");
    EXPECT_EQ(m.string(aux[AT_PLATFORM]), "x86_64");
    EXPECT_EQ(m.word(aux[AT_RANDOM]), 0x0707070707070707u);
    EXPECT_EQ(l->arg_end - l->arg_start, 10u);
    EXPECT_EQ(l->env_end - l->env_start, 14u);
    EXPECT_EQ(m.word(top - 8), 0u);
}

TEST(InitialStack, NoEnvironment) {
    std::string strings;
    InitialStack in = sample(strings);
    in.strings = std::span<const char>("x", 2);
    in.argc = 1;
    in.envc = 0;
    in.sysinfo_ehdr = 0;
    auto l = plan_initial_stack(in, 1 << 16);
    ASSERT_TRUE(l.ok());
    Memory m(top, 1 << 16);
    ASSERT_TRUE(write_initial_stack(in, *l, m).ok());
    EXPECT_EQ(m.word(l->rsp + 16), 0u);
    EXPECT_EQ(m.word(l->rsp + 24), 0u);
    EXPECT_EQ(m.word(l->auxv), uint64_t(AT_MINSIGSTKSZ));
    EXPECT_EQ(l->auxv, l->rsp + 32);
}

TEST(InitialStack, TooMuchIsE2big) {
    std::string strings;
    InitialStack in = sample(strings);
    EXPECT_EQ(plan_initial_stack(in, 4096).error(), E2BIG);
    in.argc = 4;
    EXPECT_EQ(plan_initial_stack(in, 1 << 16).error(), EINVAL);
    EXPECT_EQ(ArgumentBudget::make(8 << 20, 1 << 20, 0).error(), E2BIG);
    auto b = ArgumentBudget::make(8 << 20, 10, 10);
    ASSERT_TRUE(b.ok());
    EXPECT_EQ(b->take(max_argument_string + 1).error(), E2BIG);
    for (int i = 0; i < 15; ++i) EXPECT_TRUE(b->take(max_argument_string).ok());
    EXPECT_EQ(b->take(max_argument_string).error(), E2BIG); // 2 MiB less 20 pointers
    EXPECT_TRUE(ArgumentBudget::make(0, 1, 1).ok());        // at least 128 KiB
}

SignalDelivery delivery() {
    SignalDelivery d{};
    d.regs.rsp = 0x7fffffffe108;
    d.regs.rip = 0x401000;
    d.regs.eflags = 0x202 | 0x400 | 0x100;
    d.action.handler = 0x402000;
    d.action.restorer = 0x403000;
    d.action.flags = SA_RESTORER | SA_SIGINFO;
    d.info.signo = SIGUSR1;
    d.cs = 0x33, d.ss = 0x2b;
    d.xsave_size = 832;
    d.xfeatures = 7;
    return d;
}

TEST(SignalFrame, LayoutBelowTheRedZone) {
    SignalDelivery d = delivery();
    auto l = plan_signal_frame(d);
    ASSERT_TRUE(l.ok());
    EXPECT_EQ(l->frame % 16, 8u);
    EXPECT_EQ(l->fpstate % 64, 0u);
    EXPECT_LE(l->fpstate + 832 + 4, d.regs.rsp - 128);
    EXPECT_LE(l->frame + sizeof(RtSigframe), l->fpstate);
    RtSigframe f;
    fill_signal_frame(d, *l, f);
    EXPECT_EQ(f.return_address, 0x403000u);
    EXPECT_EQ(f.uc.flags, UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS);
    EXPECT_EQ(f.uc.stack.flags, SS_DISABLE);
    ProgramRegisters r = handler_registers(d, *l);
    EXPECT_EQ(r.rsp, l->frame);
    EXPECT_EQ(r.rdi, uint64_t(SIGUSR1));
    EXPECT_EQ(r.rsi, l->frame + 312);
    EXPECT_EQ(r.rdx, l->frame + 8);
    EXPECT_EQ(r.eflags, 0x202u);
    auto back = restore_signal_frame(f, 0x246);
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(back->regs.rsp, d.regs.rsp);
    EXPECT_EQ(back->regs.eflags, (0x202u | 0x400 | 0x100));
    EXPECT_EQ(back->fpstate, l->fpstate);
}

TEST(SignalFrame, AlternateStack) {
    SignalDelivery d = delivery();
    d.action.flags |= SA_ONSTACK;
    d.alternate = {0x10000000, 0, 0, 8192};
    auto l = plan_signal_frame(d);
    ASSERT_TRUE(l.ok());
    EXPECT_TRUE(l->on_alternate);
    EXPECT_EQ(l->end, 0x10000000u + 8192);
    d.alternate.size = 1024; // too small: the thread gets SIGSEGV
    EXPECT_EQ(plan_signal_frame(d).error(), EFAULT);
    // Nested: stays where it is, and may not run off the stack's end.
    d.alternate.size = 8192;
    d.regs.rsp = 0x10000000 + 4096;
    l = plan_signal_frame(d);
    ASSERT_TRUE(l.ok());
    EXPECT_FALSE(l->on_alternate);
    EXPECT_LT(l->frame, d.regs.rsp);
    d.regs.rsp = 0x10000000 + 512;
    EXPECT_EQ(plan_signal_frame(d).error(), EFAULT);
    EXPECT_EQ(alternate_stack_flags(d.alternate, 0x10000000 + 512), SS_ONSTACK);
    EXPECT_EQ(alternate_stack_flags(d.alternate, 0x10000000), 0);
    EXPECT_EQ(alternate_stack_flags({}, 5), SS_DISABLE);
}

TEST(SignalFrame, RefusedWithoutRestorerOrStack) {
    SignalDelivery d = delivery();
    d.action.flags = SA_SIGINFO;
    EXPECT_EQ(plan_signal_frame(d).error(), EFAULT);
    d = delivery();
    for (uint64_t rsp : {0ull, 100ull, 600ull, 0xffffffff80000000ull, ~0ull}) {
        d.regs.rsp = rsp;
        EXPECT_EQ(plan_signal_frame(d).error(), EFAULT) << rsp;
    }
}

TEST(SignalFrame, HostileFramesAtSigreturn) {
    SignalDelivery d = delivery();
    auto l = plan_signal_frame(d);
    RtSigframe good;
    fill_signal_frame(d, *l, good);
    auto error = [&](auto&& change) {
        RtSigframe f = good;
        change(f);
        auto r = restore_signal_frame(f, 0x202);
        return r.ok() ? Errno{} : r.error();
    };
    EXPECT_EQ(error([](RtSigframe& f) { f.uc.mcontext.rip = 0xffffffff80000000; }), EFAULT);
    EXPECT_EQ(error([](RtSigframe& f) { f.uc.mcontext.rip = 0x8000000000000000; }), EFAULT);
    EXPECT_EQ(error([](RtSigframe& f) { f.uc.mcontext.rsp = 0xffff800000000000; }), EFAULT);
    EXPECT_EQ(error([](RtSigframe& f) { f.uc.mcontext.fpstate += 8; }), EFAULT);
    EXPECT_EQ(error([](RtSigframe& f) { f.uc.mcontext.fpstate = 0xffffffff80000000; }), EFAULT);
    for (uint16_t cs : {0, 0x10, 0x13, 0x23, 0x2b, 0x37, 0xffff})
        EXPECT_EQ(error([cs](RtSigframe& f) { f.uc.mcontext.cs = cs; }), EFAULT) << cs;
    for (uint16_t ss : {0, 0x18, 0x1b, 0x33, 0x2f, 0xffff}) {
        EXPECT_EQ(error([ss](RtSigframe& f) { f.uc.mcontext.ss = ss; }), EFAULT) << ss;
        EXPECT_EQ(error([ss](RtSigframe& f) { f.uc.mcontext.ss = ss, f.uc.flags &= ~uint64_t(UC_STRICT_RESTORE_SS); }), Errno{});
    }
    EXPECT_EQ(error([](RtSigframe& f) { f.uc.mcontext.cs = 0x30, f.uc.mcontext.ss = 0x28; }), Errno{}); // the ring is always 3
    RtSigframe f = good;
    f.uc.mcontext.eflags = ~0ull;
    f.uc.sigmask.bits = ~0ull;
    auto r = restore_signal_frame(f, 0x202);
    ASSERT_TRUE(r.ok());
    EXPECT_EQ(r->regs.eflags & 0x3200, 0x200u); // neither IOPL nor IF changed
    EXPECT_FALSE(r->mask.has(SIGKILL) || r->mask.has(SIGSTOP));
}

TEST(SignalFrame, ExtendedState) {
    SignalDelivery d = delivery();
    alignas(64) uint8_t area[832] = {};
    auto& head = *reinterpret_cast<Fpstate*>(area);
    head.mxcsr = 0x1f80;
    mark_fpstate(d, head);
    EXPECT_EQ(claimed_xstate_size(head, 832), 832u);
    EXPECT_EQ(claimed_xstate_size(head, 576), 512u); // larger than this CPU's
    head.sw.magic1 = 0;
    EXPECT_EQ(claimed_xstate_size(head, 832), 512u);
    area[512] = 7;
    EXPECT_TRUE(check_fpstate(area, 832, 7, 0xffff).ok());
    EXPECT_EQ(check_fpstate(area, 832, 3, 0xffff).error(), EFAULT);
    area[520] = 1; // XCOMP_BV
    EXPECT_EQ(check_fpstate(area, 832, 7, 0xffff).error(), EFAULT);
    area[520] = 0;
    area[530] = 1; // reserved
    EXPECT_EQ(check_fpstate(area, 832, 7, 0xffff).error(), EFAULT);
    area[530] = 0;
    head.mxcsr = 0x10000;
    EXPECT_EQ(check_fpstate(area, 832, 7, 0xffff).error(), EFAULT);
    EXPECT_EQ(check_fpstate(area, 512, 7, 0xffff).error(), EFAULT);
}

struct Table {
    alignas(8) std::array<std::byte, sizeof(SiteTableHeader) + 2 * sizeof(SiteEntry)> bytes{};
    SiteTableHeader& header() { return *reinterpret_cast<SiteTableHeader*>(bytes.data()); }
    SiteEntry& entry(size_t i) { return reinterpret_cast<SiteEntry*>(bytes.data() + sizeof(SiteTableHeader))[i]; }
};

Table sample_table() {
    Table t;
    memcpy(t.header().magic, site_table_magic, 8);
    t.header().version = site_table_version;
    t.header().count = 2;
    t.header().build_id_size = 20;
    t.entry(0) = {0x1000, uint8_t(SiteForm::mov_imm), 5, 0, 39, {0xb8, 39, 0, 0, 0, 0x0f, 0x05}, 7, 0, {}};
    t.entry(1) = {0x1010, uint8_t(SiteForm::syscall_cmp), 8, 0, site_number_unknown,
                  {0x0f, 0x05, 0x48, 0x3d, 0, 0xf0, 0xff, 0xff}, 8, 0, {}};
    return t;
}

TEST(SiteTable, Reads) {
    Table t = sample_table();
    auto r = open_site_table(t.bytes);
    ASSERT_TRUE(r.ok());
    EXPECT_EQ(r->entries.size(), 2u);
    EXPECT_EQ(sites_between(*r, 0, 0x1010).size(), 1u);
    EXPECT_EQ(sites_between(*r, 0x1001, 0x1011).size(), 1u);
    EXPECT_EQ(sites_between(*r, 0x2000, 0x1000).size(), 0u);
}

TEST(SiteTable, RefusesWhatIsBroken) {
    auto error = [](auto&& change) {
        Table t = sample_table();
        change(t);
        auto r = open_site_table(t.bytes);
        return r.ok() ? Errno{} : r.error();
    };
    EXPECT_EQ(error([](Table& t) { t.header().magic[0] = 0; }), EINVAL);
    EXPECT_EQ(error([](Table& t) { t.header().version = site_table_version + 1; }), EINVAL);
    EXPECT_EQ(error([](Table& t) { t.header().count = 3; }), EINVAL);
    EXPECT_EQ(error([](Table& t) { t.header().build_id_size = 65; }), EINVAL);
    EXPECT_EQ(error([](Table& t) { t.entry(1).vaddr = 0x1004; }), EINVAL); // overlap
    EXPECT_EQ(error([](Table& t) { t.entry(0).vaddr = 0x2000; }), EINVAL); // order
    EXPECT_EQ(error([](Table& t) { t.entry(0).form = 9; }), EINVAL);
    EXPECT_EQ(error([](Table& t) { t.entry(0).displaced = 17; }), EINVAL);
    EXPECT_EQ(error([](Table& t) { t.entry(0).number = 40; }), EINVAL);
    EXPECT_EQ(error([](Table& t) { t.entry(0).original[5] = 0x90; }), EINVAL);
    EXPECT_EQ(error([](Table& t) { t.entry(0).original[12] = 1; }), EINVAL);
    EXPECT_EQ(error([](Table& t) { t.entry(0).flags = 0x8000; }), EINVAL);
    EXPECT_EQ(error([](Table& t) { t.entry(0).vaddr = 0; t.entry(1).vaddr = ~0ull; }), EINVAL);
    Table t = sample_table();
    EXPECT_EQ(open_site_table(std::span(t.bytes).first(100)).error(), EINVAL);
}

TEST(SiteTable, HaltIsOneByteAndNothingElse) {
    auto with = [](auto&& change) {
        Table t = sample_table();
        t.entry(1) = {0x1007, uint8_t(SiteForm::halt), 1, 0, site_number_unknown, {0xf4}, 1, 0, {}};
        change(t.entry(1));
        return open_site_table(t.bytes).ok();
    };
    EXPECT_TRUE(with([](SiteEntry&) {}));
    EXPECT_TRUE(with([](SiteEntry& e) { e.vaddr = 0x1005; })); // what is displaced before ends there
    EXPECT_FALSE(with([](SiteEntry& e) { e.vaddr = 0x1004; }));
    EXPECT_FALSE(with([](SiteEntry& e) { e.displaced = 0; }));
    EXPECT_FALSE(with([](SiteEntry& e) { e.displaced = e.original_size = 2; }));
    EXPECT_FALSE(with([](SiteEntry& e) { e.original_size = 2; }));
    EXPECT_FALSE(with([](SiteEntry& e) { e.original_size = 0; }));
    EXPECT_FALSE(with([](SiteEntry& e) { e.original[0] = 0x90; }));
    EXPECT_FALSE(with([](SiteEntry& e) { e.number = 0; }));
    EXPECT_FALSE(with([](SiteEntry& e) { e.flags = site_flag_padding; }));
    // No other form is that short.
    EXPECT_FALSE(with([](SiteEntry& e) { e.form = uint8_t(SiteForm::run_before); }));
    EXPECT_FALSE(with([](SiteEntry& e) { e.form = uint8_t(SiteForm::mov_imm); }));
}

} // namespace
} // namespace linnet::abi
