// I/O port instructions. In the kernel they are ring 0's; a paravirtual back end would replace them.
#pragma once

#include "kernel/lib/types.h"

namespace linnet {

inline u8 port_in8(u16 port) {
    u8 v;
    asm volatile("inb %w1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}
inline u16 port_in16(u16 port) {
    u16 v;
    asm volatile("inw %w1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}
inline u32 port_in32(u16 port) {
    u32 v;
    asm volatile("inl %w1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}
inline void port_out8(u16 port, u8 v) { asm volatile("outb %0, %w1" : : "a"(v), "Nd"(port) : "memory"); }
inline void port_out16(u16 port, u16 v) { asm volatile("outw %0, %w1" : : "a"(v), "Nd"(port) : "memory"); }
inline void port_out32(u16 port, u32 v) { asm volatile("outl %0, %w1" : : "a"(v), "Nd"(port) : "memory"); }

} // namespace linnet
