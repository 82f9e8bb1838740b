// The first instructions: the PVH entry (32-bit protected mode, paging off, EBX = start info) to 64-bit code on an
// identity map. Everything is position-independent. Xen's docs/misc/pvh.pandoc; Intel SDM volume 3, chapter 10.8.5.

#define CR0_PE 1
#define CR0_MP 2
#define CR0_NE 0x20
#define CR0_WP 0x10000
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define EFER 0xc0000080
#define EFER_SCE 1
#define EFER_LME 0x100
#define EFER_NXE 0x800

    .section .boot.text, "ax"
    .code32
    .globl pvh_start
pvh_start:
    cld
    cli
    rdtsc
    mov %eax, %esi                        // start_tsc in EDI:ESI
    mov %edx, %edi
    call 1f
1:  pop %ebp                              // EBP = physical address of 1b

    lea boot_stack_top - 1b(%ebp), %esp
    push %ebx

    // Identity map of the first 4 GiB by 2 MiB pages: four page directories.
    lea boot_pd - 1b(%ebp), %eax
    mov %eax, %ebx
    mov $0x83, %edx                       // present, write, 2 MiB
    mov $2048, %ecx
2:  mov %edx, (%ebx)
    movl $0, 4(%ebx)
    add $8, %ebx
    add $0x200000, %edx
    dec %ecx
    jnz 2b
    lea boot_pdpt - 1b(%ebp), %ebx
    lea 3(%eax), %edx
    mov %edx, (%ebx)
    add $0x1000, %edx
    mov %edx, 8(%ebx)
    add $0x1000, %edx
    mov %edx, 16(%ebx)
    add $0x1000, %edx
    mov %edx, 24(%ebx)
    lea boot_pml4 - 1b(%ebp), %eax
    lea 3(%ebx), %edx
    mov %edx, (%eax)
    mov %eax, %cr3

    mov %cr4, %eax
    or $CR4_PAE, %eax
    mov %eax, %cr4
    mov $EFER, %ecx
    rdmsr
    or $(EFER_LME | EFER_SCE | EFER_NXE), %eax
    wrmsr
    pop %ebx
    lea boot_gdt - 1b(%ebp), %eax
    mov %eax, boot_gdt_pointer + 2 - 1b(%ebp)
    lgdt boot_gdt_pointer - 1b(%ebp)
    mov %cr0, %eax
    and $~6, %eax                         // no emulation of x87
    or $(CR0_PE | CR0_MP | CR0_NE | CR0_WP | CR0_PG), %eax
    mov %eax, %cr0
    lea boot64 - 1b(%ebp), %eax
    push $0x10
    push %eax
    lret

    .code64
boot64:
    mov $0x18, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    lea boot_stack_top(%rip), %rsp
    shl $32, %rdi
    mov %esi, %esi
    or %rdi, %rsi                         // start TSC
    mov %ebx, %edi                        // start info
    xor %ebp, %ebp
    call early_boot                       // returns the address of high_entry where the kernel now runs
    lea boot_stack_top(%rip), %rcx
    lea early_boot(%rip), %rdx
    jmp *%rax

    // Now at the final virtual address; CR3 still maps the low identity too.
    .text
    .globl high_entry
high_entry:
    lea boot_stack_top(%rip), %rsp
    xor %ebp, %ebp
    call kernel_start
    ud2

    .section .data
    .align 16
boot_gdt:
    .quad 0, 0, 0x00af9a000000ffff, 0x00cf92000000ffff
boot_gdt_pointer:
    .word 31
    .long 0, 0

    .bss
    .align 4096
    .globl boot_pml4
boot_pml4: .skip 4096
    .globl boot_pdpt
boot_pdpt: .skip 4096
boot_pd: .skip 4096 * 4
    .globl boot_stack
boot_stack: .skip 16384
    .globl boot_stack_top
boot_stack_top:
    .section .note.GNU-stack, "", @progbits
