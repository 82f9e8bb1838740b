#include "kernel/task/machine_name.h"

#include "kernel/boot/boot_info.h"
#include "kernel/lib/string.h"

namespace linnet {

MachineName host_name, domain_name;

void MachineName::get(char (&out)[65]) {
    SpinGuard g(lock_);
    memcpy(out, text_, sizeof out);
}

void MachineName::set(const char (&name)[65]) {
    SpinGuard g(lock_);
    memcpy(text_, name, sizeof text_);
    text_[sizeof text_ - 1] = 0;
}

void init_machine_names() {
    char name[65] = {};
    memcpy(name, boot_options.hostname, strnlen(boot_options.hostname, sizeof name - 1));
    host_name.set(name);
    const char none[65] = "(none)";
    domain_name.set(none);
}

} // namespace linnet
