#include "drivers/virtio/console.h"

#include "kernel/lib/log.h"
#include "kernel/lib/string.h"
#include "kernel/time/clock.h"

namespace linnet {
namespace {

enum ControlEvent : u16 {
    kDeviceReady = 0, kDeviceAdd = 1, kDeviceRemove = 2, kPortReady = 3, kConsolePort = 4, kResize = 5, kPortOpen = 6,
    kPortName = 7,
};
constexpr u64 kRelookNs = 250 * kNsPerMs, kRelookBusyNs = 10 * kNsPerMs;

} // namespace

Result<void> VirtioConsole::start() {
    TRY(negotiate(kMultiport));
    if (!has(kMultiport)) {
        // A plain console: one port without a name, for which the serial line does as well.
        failed();
        return ENODEV;
    }
    u32 max_ports = 0;
    transport_->read_config(4, &max_ports, 4);
    if (max_ports > kMaxPorts) max_ports = kMaxPorts;
    TRY(control_in_.set_up(*transport_, 2, kControlBuffers));
    TRY(control_out_.set_up(*transport_, 3, kControlBuffers));
    Page* page = TRY(alloc_page(true));
    control_memory_ = static_cast<u8*>(page_to_virt(page));
    control_phys_ = page_to_phys(page);
    // All queues are set up before the device begins; port 0 is the console that has no name.
    for (u32 i = 1; i < max_ports; ++i) {
        auto port = make_owned<ConsolePort>(*this, i);
        if (!port) return port.error();
        u16 first = u16(2 + 2 * i);
        if (!(*port)->input_queue.set_up(*transport_, first, 8) ||
            !(*port)->output_queue.set_up(*transport_, u16(first + 1), 64))
            break;
        (*port)->output_queue.disable_interrupts();
        ports_[i] = port->release();
    }
    for (u32 i = 0; i < kControlBuffers && i < control_in_.size(); ++i) {
        Virtqueue::Buffer b{control_phys_ + i * kControlBufferBytes, kControlBufferBytes};
        control_in_.add(&b, 0, 1, reinterpret_cast<void*>(u64(i)));
    }
    control_out_.disable_interrupts();
    started();
    control_in_.kick();
    send_control(0, kDeviceReady, 1);
    wait_for_names();
    look_again_in(kRelookNs);
    return {};
}

/// Ports must be known before the program's descriptors are opened. With one thread for device and CPU all answers are there
/// at once; with a thread of its own, on a busy host, the device may take as long as it likes. A device that answers at all
/// answers for all of its ports; one without any is given up after a while.
void VirtioConsole::wait_for_names() {
    u64 start = 0;
    for (;;) {
        if (handle_control()) continue;
        if (ports_added_ && ports_named_ == ports_added_) return;
        u64 now = monotonic_ns();
        if (!start) start = now;
        if (now - start >= (ports_added_ ? 30 : 2) * kNsPerSec) return;
        __builtin_ia32_pause();
    }
}

void VirtioConsole::send_control(u32 port, u16 event, u16 value) {
    SpinGuard guard(control_lock_);
    Virtqueue::Used used;
    while (control_out_.pop(&used)) {
    }
    u32 slot = next_control_out_++ % kControlBuffers;
    u32 offset = kControlBuffers * kControlBufferBytes + slot * u32(sizeof(Control));
    Control c{port, event, value};
    memcpy(control_memory_ + offset, &c, sizeof c);
    Virtqueue::Buffer b{control_phys_ + offset, sizeof c};
    if (control_out_.add(&b, 1, 0, nullptr) < 0) return; // 32 messages unread: the device is stuck
    control_out_.kick();
}

bool VirtioConsole::handle_control() {
    Control c{};
    char text[kControlBufferBytes];
    size_t text_bytes = 0;
    {
        SpinGuard guard(control_lock_);
        Virtqueue::Used used;
        if (!control_in_.pop(&used)) return false;
        u64 index = reinterpret_cast<u64>(used.cookie);
        const u8* data = control_memory_ + index * kControlBufferBytes;
        if (used.length >= sizeof c) {
            memcpy(&c, data, sizeof c);
            text_bytes = used.length - sizeof c;
            memcpy(text, data + sizeof c, text_bytes);
        } else {
            c.event = 0xffff;
        }
        Virtqueue::Buffer b{control_phys_ + index * kControlBufferBytes, kControlBufferBytes};
        control_in_.add(&b, 0, 1, used.cookie);
        control_in_.kick();
    }
    ConsolePort* port = c.id < kMaxPorts ? ports_[c.id] : nullptr;
    switch (c.event) {
    case kDeviceAdd:
        if (port) ++ports_added_;
        send_control(c.id, kPortReady, port ? 1 : 0);
        break;
    case kPortName:
        if (!port || port->is_open()) break;
        ++ports_named_;
        port->set_name(text, text_bytes);
        if (port->open()) {
            char_devices().push_back(*port);
            send_control(c.id, kPortOpen, 1);
        }
        break;
    default: break; // resize and console-port concern consoles; open and close of the host side change nothing
    }
    return true;
}

void VirtioConsole::look_at_rings(bool) {
    while (handle_control()) {
    }
    for (ConsolePort* p : ports_)
        if (p && p->is_open()) p->look();
    look_again_in(kRelookNs);
}

void ConsolePort::set_name(const char* name, size_t n) {
    if (n >= sizeof name_) n = sizeof name_ - 1;
    memcpy(name_, name, n);
    name_[n] = 0;
}

Result<void> ConsolePort::open() {
    // The port that carries stdin gets more room than those with a line now and then.
    u32 order = strcmp(name_, "linnet.stdio") == 0 ? 2 : 0;
    auto in = alloc_pages(order, false);
    if (!in && order) in = alloc_pages(order = 0, false);
    if (!in) return in.error();
    // The trace comes in batches as large as the port takes.
    u32 output_order = strcmp(name_, "linnet.trace") == 0 ? 5 : 2;
    auto out = alloc_pages(output_order, false);
    if (!out && output_order > 2) out = alloc_pages(output_order = 2, false);
    if (!out) {
        put_page(*in);
        return out.error();
    }
    output_bytes_ = u32(kPageSize << output_order);
    input_ = static_cast<u8*>(page_to_virt(*in));
    input_phys_ = page_to_phys(*in);
    input_buffer_bytes_ = u32((kPageSize << order) / kInputBuffers);
    output_ = static_cast<u8*>(page_to_virt(*out));
    output_phys_ = page_to_phys(*out);
    SpinGuard guard(lock_);
    for (u64 i = 0; i < kInputBuffers; ++i) {
        Virtqueue::Buffer b{input_phys_ + i * input_buffer_bytes_, input_buffer_bytes_};
        input_queue.add(&b, 0, 1, reinterpret_cast<void*>(i));
    }
    input_queue.kick();
    return {};
}

void ConsolePort::reclaim() {
    Virtqueue::Used used;
    while (output_queue.pop(&used))
        for (u32 i = 0; i < chunk_count_; ++i) {
            Chunk& c = chunks_[(first_chunk_ + i) % kOutputChunks];
            if (c.head != used.head || c.sent) continue;
            c.sent = true;
            break;
        }
    while (chunk_count_ && chunks_[first_chunk_].sent) {
        output_tail_ += chunks_[first_chunk_].bytes;
        first_chunk_ = (first_chunk_ + 1) % kOutputChunks;
        --chunk_count_;
    }
}

size_t ConsolePort::write(const void* p, size_t n) {
    if (!output_) return 0;
    const u8* from = static_cast<const u8*>(p);
    size_t taken = 0;
    SpinGuard guard(lock_);
    reclaim();
    while (taken < n) {
        u32 at = u32(output_head_ % output_bytes_);
        u32 room = output_room();
        if (room > output_bytes_ - at) room = output_bytes_ - at;
        if (room > n - taken) room = u32(n - taken);
        if (room == 0 || chunk_count_ == kOutputChunks || output_queue.free_count() == 0) break;
        memcpy(output_ + at, from + taken, room);
        Virtqueue::Buffer b{output_phys_ + at, room};
        int head = output_queue.add(&b, 1, 0, nullptr);
        if (head < 0) break;
        chunks_[(first_chunk_ + chunk_count_) % kOutputChunks] = {u16(head), false, room};
        ++chunk_count_;
        output_head_ += room;
        taken += room;
        output_queue.kick();
        reclaim(); // a device that works in the notification has taken it already
    }
    if (output_queue.broken()) return n; // nobody is there to take it
    if (taken < n && !wants_room_) {
        wants_room_ = true;
        output_queue.enable_interrupts();
        console_.look_again_in(kRelookBusyNs);
    }
    return taken;
}

void ConsolePort::collect_input() {
    Virtqueue::Used used;
    while (received_count_ < kInputBuffers && input_queue.pop(&used)) {
        u64 i = reinterpret_cast<u64>(used.cookie);
        received_[received_count_++] = {u8(i), 0, used.length};
    }
}

size_t ConsolePort::read(void* p, size_t n) {
    if (!input_) return 0;
    u8* to = static_cast<u8*>(p);
    size_t got = 0;
    bool offered = false;
    SpinGuard guard(lock_);
    collect_input();
    while (received_count_) {
        Received& r = received_[0];
        size_t some = r.length < n - got ? r.length : n - got;
        memcpy(to + got, input_ + u64(r.buffer) * input_buffer_bytes_ + r.offset, some);
        got += some;
        r.offset += u32(some);
        r.length -= u32(some);
        if (r.length) break;
        Virtqueue::Buffer b{input_phys_ + u64(r.buffer) * input_buffer_bytes_, input_buffer_bytes_};
        input_queue.add(&b, 0, 1, reinterpret_cast<void*>(u64(r.buffer)));
        offered = true;
        --received_count_;
        for (u32 i = 0; i < received_count_; ++i) received_[i] = received_[i + 1];
        if (got == n) break;
    }
    if (offered) input_queue.kick();
    return got;
}

bool ConsolePort::readable() {
    SpinGuard guard(lock_);
    collect_input();
    for (u32 i = 0; i < received_count_; ++i)
        if (received_[i].length) return true;
    return false;
}

bool ConsolePort::writable() {
    SpinGuard guard(lock_);
    reclaim();
    bool room = output_queue.broken() ||
                (output_room() >= output_bytes_ / 4 && chunk_count_ < kOutputChunks && output_queue.free_count());
    if (!room && !wants_room_) {
        wants_room_ = true;
        output_queue.enable_interrupts();
        console_.look_again_in(kRelookBusyNs);
    }
    return room;
}

bool ConsolePort::drained() {
    // In a panic the holder of the lock may be this very CPU.
    if (!lock_.try_lock_by_guard()) return false;
    reclaim();
    bool empty = chunk_count_ == 0 || output_queue.broken();
    if (!empty && ++drain_polls_ % 4096 == 0) output_queue.force_kick();
    lock_.unlock_by_guard();
    return empty;
}

void ConsolePort::look() {
    bool tell;
    {
        SpinGuard guard(lock_);
        collect_input();
        reclaim();
        tell = received_count_ != 0;
        if (wants_room_) {
            if (output_queue.broken() || output_room() >= output_bytes_ / 4) {
                wants_room_ = false;
                output_queue.disable_interrupts();
                tell = true;
            } else {
                output_queue.enable_interrupts();
                console_.look_again_in(kRelookBusyNs);
            }
        }
    }
    if (tell && on_event) on_event(event_arg);
}

void start_virtio_console(Owned<VirtioTransport> t) {
    auto console = make_owned<VirtioConsole>(std::move(t));
    if (!console) return;
    VirtioConsole* c = console->release();
    if (auto r = c->start(); !r) log_warn("virtio-console: %s", errno_name(r.error()));
}

} // namespace linnet
