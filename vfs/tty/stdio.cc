// Which device each standard stream is, and the descriptors 0, 1, 2.
#include "vfs/tty/stdio.h"

#include "kernel/boot/boot_info.h"
#include "kernel/lib/log.h"
#include "linux-abi/fcntl.h"
#include "vfs/file_table.h"
#include "vfs/mount.h"
#include "vfs/tty/console.h"
#include "vfs/tty/control.h"
#include "vfs/tty/devpts.h"
#include "vfs/tty/pty.h"
#include "vfs/vfs.h"

namespace linnet {
namespace {

StreamPort* stdio_port;
StreamPort* stderr_port;
StdinStage* stdin_stage;

StreamPort* make_port(CharDevice* device) {
    auto p = make_owned<StreamPort>();
    if (!p) panic("no memory for standard streams");
    (*p)->device = device;
    return p->release();
}

/// /dev/console: the terminal if there is one. It never becomes a controlling terminal by being opened.
Result<Ref<File>> open_console(const Location& where, u32 flags) {
    if (Console* t = console_terminal()) return open_terminal(Ref<Terminal>(t), where, flags, false);
    return ENXIO;
}

} // namespace

void stdio_init() {
    CharDevice* serial = boot_options.serial_console ? find_char_device("ttyS0") : nullptr;
    CharDevice* out = find_char_device("linnet.stdio");
    CharDevice* err = find_char_device("linnet.stderr");
    if (!out) out = serial;
    if (!err) err = out == find_char_device("linnet.stdio") ? serial : out;
    Console* terminal = nullptr;
    if (boot_options.tty && out) {
        auto t = make_ref<Console>(*out);
        if (!t) panic("no memory for the terminal");
        terminal = t->release();
        if (boot_options.tty_rows && boot_options.tty_columns)
            terminal->set_size({boot_options.tty_rows, boot_options.tty_columns, 0, 0});
        set_console_terminal(terminal);
    } else {
        stdio_port = make_port(out);
        stderr_port = err == out ? stdio_port : make_port(err);
        auto stage = make_owned<StdinStage>(*stdio_port);
        if (!stage) panic("no memory for standard streams");
        stdin_stage = stage->release();
        stdio_port->listen();
        if (stderr_port != stdio_port) stderr_port->listen();
    }
    register_filesystem("devpts", mount_devpts);
    control_init(find_char_device("linnet.control"), stdin_stage, terminal);
    for (auto r : {register_char_inode("console", 5, 1, open_console, 0600),
                   register_char_inode("tty", 5, 0, open_controlling_terminal, 0666),
                   register_char_inode("ptmx", 5, 2, open_ptmx, 0666)})
        if (!r) log_warn("terminal devices: %s", errno_name(r.error()));
}

Result<void> open_standard_streams(FileTable& table) {
    if (console_terminal()) {
        Ref<File> f = TRY(open_at_boot("/dev/console", O_RDWR));
        for (int fd = 0; fd < 3; ++fd) TRY(table.install(f, false, fd, 3));
        return {};
    }
    auto open = [](StreamPort* port, StdinStage* input, StreamKind kind, u32 flags) -> Result<Ref<File>> {
        Location where = TRY(make_stream_location(*port, input, kind));
        return where.inode().open(where, flags);
    };
    TRY(table.install(TRY(open(stdio_port, stdin_stage, StreamKind::Input, O_RDONLY)), false, 0, 3));
    TRY(table.install(TRY(open(stdio_port, nullptr, StreamKind::Output, O_WRONLY)), false, 1, 3));
    TRY(table.install(TRY(open(stderr_port, nullptr, StreamKind::Output, O_WRONLY)), false, 2, 3));
    return {};
}

} // namespace linnet
