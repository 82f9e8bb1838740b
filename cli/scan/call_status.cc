#include "cli/scan/call_status.h"

#include "linux-abi/errno.h"
#include "linux-abi/syscalls.h"

namespace linnet::cli {

CallDescription describe_call(std::uint32_t number) {
    const abi::SyscallInfo* info = abi::syscall_info(number);
    if (!info)
        return {"syscall_" + std::to_string(number), CallStatus::unknown, "ENOSYS", ""};
    CallDescription description{info->name, CallStatus::full, "", info->note};
    if (info->status == abi::SyscallStatus::partial)
        description.status = CallStatus::partial;
    if (info->status == abi::SyscallStatus::none) {
        description.status = CallStatus::missing;
        if (const char* error = errno_name(static_cast<Errno>(info->none_errno)))
            description.error = error;
    }
    return description;
}

} // namespace linnet::cli
