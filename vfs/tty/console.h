// The console as a terminal (boot option `tty`): the line discipline over a device, whose other end is the host's terminal.
#pragma once

#include "kernel/dev/device.h"
#include "vfs/tty/terminal.h"

namespace linnet {

class Console final : public Terminal {
  public:
    explicit Console(CharDevice& device);
    /// Nothing more will be typed: reads are at the end of file. Deferred context.
    void end_input();

  private:
    void device_event();
    void push_output() override REQUIRES(lock_);
    u32 unsent_bytes() override REQUIRES(lock_) { return pending_count_; }
    void input_room_made() override;

    CharDevice& device_;
    std::atomic<bool> held_back_{false}; // characters wait in the device
};

/// Null without option `tty`.
Console* console_terminal();
void set_console_terminal(Console* t);

} // namespace linnet
