#include "linux-abi/errno.h"

namespace linnet {

const char* errno_name(Errno e) {
    switch (e) {
#define LINNET_ERRNO(name, number, text) \
    case Errno::name: return #name;
#include "linux-abi/errno.def"
#undef LINNET_ERRNO
    }
    return nullptr;
}

const char* errno_text(Errno e) {
    switch (e) {
#define LINNET_ERRNO(name, number, text) \
    case Errno::name: return text;
#include "linux-abi/errno.def"
#undef LINNET_ERRNO
    }
    return nullptr;
}

} // namespace linnet
