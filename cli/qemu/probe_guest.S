// The guest of the KVM probe: what any kernel has to do first, so that a host where KVM stops there is found
// out. Position: probe_guest_address (qemu/kvm_probe.cc). Entry: PVH's 32-bit protected mode, paging off.
// It builds page tables, goes to long mode, runs a loop over memory, reads the local APIC (MMIO), and
// tells isa-debug-exit 0x10.
    .set base, 0x101000
    .set tables, 0x200000        // one PML4, one PDPT, four page directories; memory is zero at the start
    .set block, 0x400000

    .section .rodata
    .balign 16
    .globl linnet_probe_guest, linnet_probe_guest_end
linnet_probe_guest:
    .code32
    cld
    mov $(base + stack - linnet_probe_guest), %esp
    movl $(tables + 0x1003), tables
    movl $(tables + 0x2003), tables + 0x1000
    movl $(tables + 0x3003), tables + 0x1008
    movl $(tables + 0x4003), tables + 0x1010
    movl $(tables + 0x5003), tables + 0x1018
    xor %ecx, %ecx
1:  mov %ecx, %eax
    shl $21, %eax
    or $0x83, %eax               // present, writable, 2 MiB
    mov %eax, tables + 0x2000(,%ecx,8)
    inc %ecx
    cmp $2048, %ecx
    jne 1b
    mov $tables, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x220, %eax              // PAE, OSFXSR
    mov %eax, %cr4
    mov $0xc0000080, %ecx        // EFER
    rdmsr
    or $0x100, %eax              // LME
    wrmsr
    mov %cr0, %eax
    or $0x80000003, %eax         // PG, MP, PE
    and $~4, %eax                // EM
    mov %eax, %cr0
    lgdt base + gdt_pointer - linnet_probe_guest
    ljmp $8, $(base + long_mode - linnet_probe_guest)
    .code64
long_mode:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $block, %edi             // write 4 MiB, read it back
    mov $0x123456789abcdef, %rax
    mov $524288, %ecx
    rep stosq
    mov $block, %esi
    mov $524288, %ecx
    xor %edx, %edx
2:  lodsq
    add %rax, %rdx
    dec %ecx
    jne 2b
    mov $0x123456789abcdef, %rax
    shl $19, %rax
    cmp %rax, %rdx
    jne 3f
    movq %rdx, %xmm0
    pxor %xmm0, %xmm0
    mov $0xfee00030, %esi        // the local APIC's version
    mov (%rsi), %eax
    cpuid
    rdtsc
    mov $0x501, %dx
    mov $0x10, %al
    out %al, (%dx)
3:  hlt
    jmp 3b
    .balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff     // 64-bit code
    .quad 0x00cf93000000ffff     // data
gdt_pointer:
    .word . - gdt - 1
    .long base + gdt - linnet_probe_guest
    .balign 16
    .skip 256
stack:
linnet_probe_guest_end:
    .section .note.GNU-stack, "", @progbits
