// Our constants against libc's and the UAPI headers' of this machine.
#include "linux-abi/auxv.h"
#include "linux-abi/fcntl.h"
#include "linux-abi/ipc.h"
#include "linux-abi/mman.h"
#include "linux-abi/netif.h"
#include "linux-abi/poll.h"
#include "linux-abi/prctl.h"
#include "linux-abi/resource.h"
#include "linux-abi/sched.h"
#include "linux-abi/signal.h"
#include "linux-abi/socket.h"
#include "linux-abi/stat.h"
#include "linux-abi/termios.h"
#include "linux-abi/time.h"

#include <gtest/gtest.h>

extern "C" {
struct constant {
    const char* name;
    long long value;
};
extern const constant libc_constants[];
}

namespace {

const constant our_constants[] = {
#include "constants.inc"
};

TEST(Constants, AgreeWithTheHeadersOfLinux) {
    std::map<std::string, long long> libc;
    for (const constant* c = libc_constants; c->name; ++c) libc[c->name] = c->value;
    size_t compared = 0;
    for (const constant& c : our_constants) {
        auto it = libc.find(c.name);
        if (it == libc.end()) continue;
        std::string n = c.name;
        if (n == "O_LARGEFILE") continue; // 0 in libc, where files are always large
        ++compared;
        EXPECT_EQ(static_cast<uint32_t>(c.value), static_cast<uint32_t>(it->second)) << n;
    }
    EXPECT_GT(compared, 1500u);
}

} // namespace
