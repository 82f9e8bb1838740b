// The kernel command line (docs/boot-protocol.md).
#include "kernel/boot/options.h"

#include "kernel/boot/boot_info.h"
#include "kernel/lib/log.h"
#include "kernel/lib/ref.h"
#include "kernel/lib/string.h"
#include "linux-abi/cmdline.h"

namespace linnet {

BootOptions boot_options;

namespace {

bool is(const char* a, const char* b) { return strcmp(a, b) == 0; }

/// on or off; anything else is named and leaves the default.
void set_switch(const char* name, const char* value, bool& to) {
    if (is(value, "on")) to = true;
    else if (is(value, "off")) to = false;
    else log_warn("option %s=%s: on or off", name, value);
}

void set_isolation(const char* value) {
    if (is(value, "user")) boot_options.isolate_programs = true;
    else if (is(value, "none")) boot_options.isolate_programs = false;
    else log_warn("option isolation=%s: none or user", value);
}

void set_user(const char* value) {
    u32* fields[2] = {&boot_options.uid, &boot_options.gid};
    const char* p = value;
    for (u32 i = 0; *p; ++i) {
        u32 n = 0;
        while (*p >= '0' && *p <= '9') n = n * 10 + u32(*p++ - '0');
        if (i < 2) *fields[i] = n;
        else if (boot_options.group_count < 32) boot_options.groups[boot_options.group_count++] = n;
        if (i == 0 && !*p) boot_options.gid = 0;
        if (*p && *p != ':' && *p != ',') {
            log_warn("option user=%s: UID[:GID[,GROUP...]]", value);
            return;
        }
        if (*p) ++p;
    }
}

/// tty=ROWSxCOLS
void set_terminal(const char* value) {
    boot_options.tty = true;
    u32 size[2] = {0, 0};
    const char* p = value;
    for (u32 i = 0; i < 2; ++i) {
        while (*p >= '0' && *p <= '9' && size[i] <= 0xffff) size[i] = size[i] * 10 + u32(*p++ - '0');
        if (i == 0 && *p == 'x') ++p;
    }
    if (*p || size[0] > 0xffff || size[1] > 0xffff) log_warn("option tty=%s: ROWSxCOLS", value);
    else boot_options.tty_rows = u16(size[0]), boot_options.tty_columns = u16(size[1]);
}

/// Bytes; more than a record holds are as good as that.
void set_trace_limit(const char* value) {
    const auto n = abi::parse_number(value);
    if (n) boot_options.trace_limit = u32(*n < 65536 ? *n : 65536);
    else log_warn("option trace_limit=%s: a number of bytes", value);
}

void apply(const char* w) {
    BootOptions& o = boot_options;
    auto value = [&](const char* name) { return abi::option_value(w, name); };
    if (auto v = value("cwd=")) o.cwd = v;
    else if (auto v = value("hostname=")) o.hostname = v;
    else if (auto v = value("ip=")) o.ip = v;
    else if (auto v = value("gw=")) o.gw = v;
    else if (auto v = value("dns=")) o.dns = v;
    else if (auto v = value("ip6=")) o.ip6 = v;
    else if (auto v = value("gw6=")) o.gw6 = v;
    else if (auto v = value("argv0=")) o.argv0 = v;
    else if (auto v = value("user=")) set_user(v);
    else if (auto v = value("aslr=")) set_switch("aslr", v, o.aslr);
    else if (auto v = value("kaslr=")) set_switch("kaslr", v, o.kaslr);
    else if (auto v = value("linker=")) set_switch("linker", v, o.linker);
    else if (auto v = value("isolation=")) set_isolation(v);
    else if (auto v = value("tsc_khz=")) o.tsc_khz = abi::parse_number(v).value_or(0);
    else if (auto v = value("console=")) o.serial_console = !is(v, "none");
    else if (is(w, "strace")) o.trace = "all";
    else if (auto v = value("trace=")) o.trace = v;
    else if (auto v = value("trace_follow=")) set_switch("trace_follow", v, o.trace_follow);
    else if (auto v = value("trace_limit=")) set_trace_limit(v);
    else if (is(w, "lockstat")) o.lock_stat = true;
    else if (is(w, "tty")) o.tty = true;
    else if (auto v = value("tty=")) set_terminal(v);
    else if (auto v = value("loglevel=")) {
        if (is(v, "error")) log_level = LogLevel::Error;
        else if (is(v, "warn")) log_level = LogLevel::Warn;
        else if (is(v, "info")) log_level = LogLevel::Info;
        else if (is(v, "debug")) log_level = LogLevel::Debug;
        else log_warn("option loglevel=%s: error, warn, info or debug", v);
    } else if (auto v = value("virtio_mmio.device=")) {
        auto d = abi::parse_mmio_device(v);
        if (!d || boot_info.mmio_hint_count >= 32) log_warn("option %s is left out", w);
        else boot_info.mmio_hints[boot_info.mmio_hint_count++] = {d->address, d->size, d->irq};
    } else if (!value("env=")) {
        log_warn("unknown option %s", w);
    }
}

} // namespace

void parse_options() {
    const char* line = boot_info.command_line ? boot_info.command_line : "";
    size_t length = strlen(line);
    // Kept for the life of the VM: arguments and environment point into it.
    auto* text = static_cast<char*>(kmalloc(length + 1));
    auto* words = static_cast<const char**>(kmalloc((length / 2 + 1) * sizeof(char*)));
    if (!text || !words) panic("command line too long: %lu bytes", length);
    // The VMM's copy lies in memory that the kernel does not map for good.
    auto* whole = static_cast<char*>(kmalloc(length + 1));
    if (!whole) panic("command line too long: %lu bytes", length);
    memcpy(whole, line, length + 1);
    boot_info.command_line = whole;
    auto parsed = abi::parse_command_line({whole, length}, {text, length + 1}, {words, length / 2 + 1});
    if (!parsed) panic("command line cannot be split");
    for (const char* w : parsed->options) apply(w);
    // Variables stand together at the front of the words: their places are free once the options are applied.
    u32 env = 0;
    for (const char* w : parsed->options)
        if (const char* v = abi::option_value(w, "env=")) words[env++] = v;
    boot_options.env = words;
    boot_options.env_count = env;
    boot_options.args = parsed->arguments.data();
    boot_options.arg_count = u32(parsed->arguments.size());
}

} // namespace linnet
