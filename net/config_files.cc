#include "net/config_files.h"

#include "kernel/boot/boot_info.h"
#include "kernel/lib/log.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sync/wait_queue.h"
#include "linux-abi/fcntl.h"
#include "net/core.h"
#include "net/interface.h"
#include "vfs/file.h"
#include "vfs/tty/stdio.h"
#include "vfs/vfs.h"

namespace linnet {

namespace {

std::atomic<u32> generation{0};
WaitQueue changed;

/// True if there was nothing of the image's own. `ours`: what was written the last time.
void write_if_absent(const char* path, const TextBuffer& text, bool& ours) {
    if (!ours) {
        auto present = open_at_boot(path, O_RDONLY);
        if (present && (*present)->inode().size() > 0) return; // the image supplies its own
    }
    auto file = open_at_boot(path, O_WRONLY | O_CREAT);
    if (!file) {
        log_info("net: %s: %s", path, errno_name(file.error()));
        return;
    }
    if (auto r = (*file)->truncate(0); !r) log_info("net: %s: %s", path, errno_name(r.error()));
    IoVector from = IoVector::kernel(static_cast<const void*>(text.c_str()), text.length());
    u64 pos = 0;
    if (auto r = (*file)->write(from, pos, false); !r) log_info("net: %s: %s", path, errno_name(r.error()));
    ours = true;
}

void write_files() {
    static bool hosts_ours, resolv_ours, reported;
    InterfaceInfo interfaces[kMaxInterfaces];
    u32 count = net_interfaces(interfaces, kMaxInterfaces);
    char buffer[512];
    IpAddress first4{};
    for (u32 i = 0; i < count; ++i)
        for (u32 a = 0; a < interfaces[i].address_count; ++a)
            if (!interfaces[i].loopback && interfaces[i].addresses[a].ip.is_v4()) first4 = interfaces[i].addresses[a].ip;
    TextBuffer hosts(buffer, sizeof buffer);
    hosts.append("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    if (first4.is_v4()) format_ip(hosts, first4);
    else hosts.append("127.0.1.1");
    hosts.append("\t%s\n", boot_options.hostname);
    write_if_absent("/etc/hosts", hosts, hosts_ours);
    IpAddress servers[3];
    u32 n = net_name_servers(servers, 3);
    if (n) {
        TextBuffer resolv(buffer, sizeof buffer);
        for (u32 i = 0; i < n; ++i) {
            resolv.append("nameserver ");
            format_ip(resolv, servers[i]);
            resolv.append("\n");
        }
        write_if_absent("/etc/resolv.conf", resolv, resolv_ours);
    }
    if (first4.is_v4() && !reported) {
        reported = true;
        TextBuffer text(buffer, sizeof buffer);
        format_ip(text, first4);
        report_to_host("net %s", text.c_str());
    }
}

void config_thread(void*) {
    u32 seen = 0;
    for (;;) {
        wait_until(changed, [&] { return generation.load() != seen; }, kForever, false);
        seen = generation.load();
        write_files();
    }
}

} // namespace

void net_config_changed() {
    // The first call is net_start()'s, on the boot thread.
    if (generation.fetch_add(1) == 0 && !net_core_lock.is_held()) {
        write_files();
        if (!boot_options.ip)
            if (auto t = start_kernel_thread("net-config", config_thread, nullptr); !t) log_warn("net: no memory for a thread");
        return;
    }
    changed.wake_all();
}

} // namespace linnet
