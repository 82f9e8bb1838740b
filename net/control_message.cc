#include "net/control_message.h"

namespace linnet {

Result<bool> ControlReader::next(ControlMessage& out) {
    size_t left = buffer_.size() - at_;
    if (left < sizeof(abi::CmsgHdr)) return false;
    abi::CmsgHdr h;
    memcpy(&h, buffer_.data() + at_, sizeof h);
    if (h.len < sizeof h || h.len > left) return EINVAL;
    out.level = h.level;
    out.type = h.type;
    out.data = buffer_.subspan(at_ + sizeof h, h.len - sizeof h);
    u64 step = abi::cmsg_align(h.len);
    at_ = step > left ? buffer_.size() : at_ + step;
    return true;
}

size_t ControlWriter::room() const {
    size_t left = capacity_ - length_;
    return left > sizeof(abi::CmsgHdr) ? left - sizeof(abi::CmsgHdr) : 0;
}

void ControlWriter::put(int level, int type, const void* data, size_t n) {
    size_t left = capacity_ - length_;
    if (left < sizeof(abi::CmsgHdr)) {
        truncated_ = true;
        return;
    }
    if (!buffer_) buffer_ = static_cast<u8*>(kzalloc(capacity_));
    if (!buffer_) {
        truncated_ = true;
        return;
    }
    size_t whole = sizeof(abi::CmsgHdr) + n;
    if (whole > left) {
        truncated_ = true;
        whole = left;
    }
    abi::CmsgHdr h{whole, level, type};
    memcpy(buffer_ + length_, &h, sizeof h);
    memcpy(buffer_ + length_ + sizeof h, data, whole - sizeof h);
    size_t space = abi::cmsg_align(whole);
    length_ += space < left ? space : left;
}

} // namespace linnet
