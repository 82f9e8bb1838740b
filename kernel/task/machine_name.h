// The names that sethostname(2) and setdomainname(2) give the machine, for uname(2) and /proc/sys/kernel.
#pragma once

#include "kernel/sync/spinlock.h"

namespace linnet {

class MachineName {
  public:
    /// NUL-terminated and padded with zeros.
    void get(char (&out)[65]);
    void set(const char (&name)[65]);

  private:
    SpinLock<Rank::MiscSpin> lock_;
    char text_[65] GUARDED_BY(lock_) = {};
};
extern MachineName host_name, domain_name;

/// Boot: from the options.
void init_machine_names();

} // namespace linnet
