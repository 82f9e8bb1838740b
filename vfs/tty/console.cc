#include "vfs/tty/console.h"

#include "linux-abi/stat.h"

namespace linnet {
namespace {

Console* the_console;

} // namespace

Console* console_terminal() { return the_console; }
void set_console_terminal(Console* t) { the_console = t; }

Console::Console(CharDevice& device) : Terminal(abi::make_dev(5, 1)), device_(device) {
    size_ = {24, 80, 0, 0};
    device.event_arg = this;
    device.on_event = [](void* arg) { static_cast<Console*>(arg)->device_event(); };
}

void Console::push_output() {
    while (pending_count_ && !discipline_.stopped()) {
        u32 n = kPendingBytes - pending_first_;
        if (n > pending_count_) n = pending_count_;
        size_t taken = device_.write(pending_ + pending_first_, n);
        pending_first_ = (pending_first_ + u32(taken)) % kPendingBytes;
        pending_count_ -= u32(taken);
        if (taken < n) break;
    }
}

void Console::device_event() {
    Effects effects(*this);
    {
        SpinGuard guard(lock_);
        u8 bytes[256];
        for (;;) {
            const u32 room = discipline_.input_room();
            held_back_ = room == 0;
            if (room == 0) break;
            size_t n = device_.read(bytes, room < sizeof bytes ? room : sizeof bytes);
            if (!n) break;
            receive(bytes, n, effects);
        }
        push_output();
    }
    after_input(effects);
}

void Console::input_room_made() {
    if (held_back_) device_event();
}

void Console::end_input() {
    input_ended_ = true;
    readers_.wake_all(kPollIn | kPollRdNorm);
}

} // namespace linnet
