// The fields of a structure in a trace line: {a=1, b=2}.
#pragma once

#include <string_view>

#include "linux-abi/trace_names.h"

namespace linnet::abi {

/// `name=` with the separator before it.
class Fields {
  public:
    explicit Fields(TraceText& out) : out_(out) { out_.put('{'); }
    ~Fields() { out_.put('}'); }
    TraceText& name(std::string_view n) {
        if (!first_) out_.put(", ");
        first_ = false;
        out_.put(n);
        out_.put('=');
        return out_;
    }
    void dec(std::string_view n, int64_t v) { name(n).decimal(v); }
    void udec(std::string_view n, uint64_t v) { name(n).unsigned_decimal(v); }
    void hex(std::string_view n, uint64_t v) { name(n).hex(v); }
    void address(std::string_view n, uint64_t v) { name(n).address(v); }
    void flags(std::string_view n, NameTable t, uint64_t v) { put_flags(name(n), t, v); }
    void enumerated(std::string_view n, NameTable t, uint64_t v) { put_enum(name(n), t, v); }
    void more() { out_.put(", ..."); }

  private:
    TraceText& out_;
    bool first_ = true;
};

} // namespace linnet::abi
