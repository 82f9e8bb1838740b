// The first instructions of the other CPUs: real mode at a page below 1 MiB (where this code was copied) to 64-bit code at
// the kernel's address. Everything that is not known when this is linked is written into the copy's last words.

#define CR0_START 0x80010033              /* PG, WP, NE, ET, MP, PE; caches on */
#define CR4_PAE 0x20
#define EFER 0xc0000080
#define EFER_BITS 0x901                   /* SCE, LME, NXE */
#define AT(label) (label - ap_trampoline)

    .section .rodata
    .balign 16
    .globl ap_trampoline, ap_trampoline_end, ap_gdt_base, ap_far32, ap_far64, ap_cr3, ap_target
    .code16
ap_trampoline:
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    movzwl %ax, %ebx
    shl $4, %ebx                          // where the copy lies
    lgdtl AT(ap_gdt_pointer)
    mov %cr0, %eax
    or $1, %eax
    mov %eax, %cr0
    ljmpl *AT(ap_far32)
    .code32
    .globl ap_protected
ap_protected:
    mov $0x18, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $CR4_PAE, %eax
    mov %eax, %cr4
    mov AT(ap_cr3)(%ebx), %eax
    mov %eax, %cr3
    mov $EFER, %ecx
    rdmsr
    or $EFER_BITS, %eax
    wrmsr
    mov $CR0_START, %eax
    mov %eax, %cr0
    ljmp *AT(ap_far64)(%ebx)
    .code64
    .globl ap_long
ap_long:
    mov AT(ap_target)(%rbx), %rax
    jmp *%rax

    .balign 8
ap_gdt:
    .quad 0, 0x00cf9a000000ffff, 0x00af9a000000ffff, 0x00cf92000000ffff
ap_gdt_pointer:
    .word 31
ap_gdt_base:
    .long 0
    .balign 4
ap_far32:
    .long 0
    .word 0x08
    .balign 4
ap_far64:
    .long 0
    .word 0x10
    .balign 4
ap_cr3:
    .long 0
    .balign 8
ap_target:
    .quad 0
ap_trampoline_end:

// At the kernel's own address, on page tables that map the low memory too. Each CPU takes a ticket, which is its number; after
// the gate is closed (the top bit) it is too late.
    .text
    .globl ap_high_entry
ap_high_entry:
    mov ap_tickets(%rip), %eax
1:  test %eax, %eax
    js 2f
    cmp ap_ticket_limit(%rip), %eax
    jae 2f
    lea 1(%rax), %ecx
    lock cmpxchg %ecx, ap_tickets(%rip)
    jne 1b
    mov %eax, %edi
    lea ap_stacks(%rip), %rdx
    mov (%rdx, %rdi, 8), %rsp
    xor %ebp, %ebp
    call ap_start
2:  cli
    hlt
    jmp 2b
    .section .note.GNU-stack, "", @progbits
