// Access to program memory (kernel/mm/user.h). Faulting instructions have an entry in .ex_table: where to go on.
#include "kernel/arch/x86_64/isolation_asm.h"

    .macro fixup from, to
    .pushsection .ex_table, "a"
    .long \from - ., \to - .
    .popsection
    .endm

// With isolation=user the same between STAC and CLAC (SMAP).
//   u64 user_copy(void* to, const void* from, u64 n): bytes not copied.
//   u64 user_clear(void* to, u64 n): bytes not cleared.
//   u64 user_load32(const u32*): the value, or -1 in 64 bits on a fault.
//   u64 user_cas32(u32* p, u32 expected, u32 desired): the old value, or -1 on a fault.
//   i64 user_string(char* to, const char* from, u64 n): length without the NUL; n if none was found; -1 on a fault.
    .text
    .macro open_program_memory isolated
    .if \isolated
    smap stac
    .endif
    .endm
    .macro close_program_memory isolated
    .if \isolated
    smap clac
    .endif
    .endm

    .macro program_memory suffix, isolated
    .globl user_copy\suffix
    .balign 16
user_copy\suffix:
    open_program_memory \isolated
    mov %rdx, %rcx
    cmp $8, %rdx
    jb 2f
    shr $3, %rcx
    and $7, %edx
1:  rep movsq
    mov %edx, %ecx
2:  rep movsb
    close_program_memory \isolated
    xor %eax, %eax
    ret
8:  lea (%rdx, %rcx, 8), %rcx             // words left and the tail
9:  close_program_memory \isolated
    mov %rcx, %rax
    ret
    fixup 1b, 8b
    fixup 2b, 9b

    .globl user_clear\suffix
user_clear\suffix:
    open_program_memory \isolated
    xor %eax, %eax
    mov %rsi, %rcx
    shr $3, %rcx
    and $7, %esi
1:  rep stosq
    mov %esi, %ecx
2:  rep stosb
    close_program_memory \isolated
    ret
8:  lea (%rsi, %rcx, 8), %rcx
9:  close_program_memory \isolated
    mov %rcx, %rax
    ret
    fixup 1b, 8b
    fixup 2b, 9b

    .globl user_load32\suffix
user_load32\suffix:
    open_program_memory \isolated
1:  mov (%rdi), %eax
    close_program_memory \isolated
    ret
9:  close_program_memory \isolated
    mov $-1, %rax
    ret
    fixup 1b, 9b

    .globl user_cas32\suffix
user_cas32\suffix:
    open_program_memory \isolated
    mov %esi, %eax
1:  lock cmpxchg %edx, (%rdi)
    close_program_memory \isolated
    mov %eax, %eax
    ret
9:  close_program_memory \isolated
    mov $-1, %rax
    ret
    fixup 1b, 9b

    .globl user_string\suffix
user_string\suffix:
    open_program_memory \isolated
    xor %eax, %eax
1:  cmp %rdx, %rax
    jae 3f
2:  movzbl (%rsi, %rax), %ecx
    mov %cl, (%rdi, %rax)
    test %cl, %cl
    jz 3f
    inc %rax
    jmp 1b
3:  close_program_memory \isolated
    ret
9:  close_program_memory \isolated
    mov $-1, %rax
    ret
    fixup 2b, 9b
    .endm

    program_memory , 0
    program_memory _isolated, 1
    .irp name, user_copy, user_clear, user_load32, user_cas32, user_string
    isolated_copy \name, \name\()_isolated
    .endr

    .section .note.GNU-stack, "", @progbits
