#pragma once

namespace linnet {

/// Splits boot_info.command_line into boot_options. Needs the heap. Panics without memory.
void parse_options();

} // namespace linnet
