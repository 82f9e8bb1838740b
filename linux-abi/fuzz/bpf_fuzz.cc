// Any bytes as a seccomp filter: what the verifier takes runs within its bounds and ends.
#include <cstring>
#include <vector>

#include "linux-abi/bpf.h"

using namespace linnet::abi;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    SeccompData d{};
    if (size < sizeof d) return 0;
    memcpy(&d, data, sizeof d);
    std::vector<SockFilter> program((size - sizeof d) / sizeof(SockFilter));
    if (program.empty()) return 0;
    memcpy(program.data(), data + sizeof d, program.size() * sizeof(SockFilter));
    std::vector<uint16_t> scratch(program.size());
    if (check_seccomp_program(program, scratch).ok()) (void)run_seccomp_program(program, d);
    return 0;
}
