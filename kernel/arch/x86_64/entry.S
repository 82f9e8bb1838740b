// Every way into the kernel from running code, and back. Layouts: TrapFrame (trap_frame.h), PerCpu (cpu.h), Thread (thread.h);
// kernel/arch/x86_64/offsets.cc asserts the numbers used here.

#define PCPU_CURRENT 8
#define PCPU_STACK_TOP 16
#define PCPU_PROGRAM_RSP 24
#define PCPU_STACK_LIMIT 32
#define KERNEL_CS 0x10                        // cpu.h
#define KERNEL_SS 0x18
#define USER_CS 0x33
#define USER_SS 0x2b
#define THREAD_SAVED_RSP 16
#define THREAD_WORK 32

#define F_RBX 40
#define F_RDI 112
#define F_ORIG_RAX 120
#define F_VECTOR 128
#define F_RIP 136
#define F_CS 144
#define F_RFLAGS 152
#define F_RSP 160
#define F_SS 168
#define F_SIZE 176

#include "kernel/arch/x86_64/isolation_asm.h"

    .text
// ---------------------------------------------------------------------------------------------------------------
// The `syscall` instruction, from ring 0 and from ring 3 (isolated). IF, DF, TF, AC, NT are cleared by FMASK. RCX = return
// address, R11 = RFLAGS. The program's red zone is not touched: the thread's kernel stack is used.
    .macro system_call isolated
    swapgs
    mov %rsp, %gs:PCPU_PROGRAM_RSP
    mov %gs:PCPU_STACK_TOP, %rsp
    .if \isolated
    pushq $USER_SS
    .else
    pushq $KERNEL_SS
    .endif
    pushq %gs:PCPU_PROGRAM_RSP
    push %r11
    .if \isolated
    pushq $USER_CS
    .else
    pushq $KERNEL_CS
    .endif
    push %rcx
    pushq $0x100
    push %rax
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    xor %ebp, %ebp
    mov %rsp, %rdi
    sti
    call syscall_dispatch
    cli
    mov %gs:PCPU_CURRENT, %rax
    cmpl $0, THREAD_WORK(%rax)
    jne return_slow
    testl $0x54500, F_RFLAGS(%rsp)        // TF, DF, NT, RF, AC: only IRET restores these
    jne restore_and_iret
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    add $8, %rsp                          // r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    add $8, %rsp                          // rcx
    pop %rdx
    pop %rsi
    pop %rdi
    mov 16(%rsp), %rcx
    .if \isolated
    mov %rcx, %r11
    shr $47, %r11                         // not canonical, or the kernel's: SYSRET would fault in ring 0
    jne 2f
    .endif
    mov 32(%rsp), %r11
    mov 40(%rsp), %rsp
    swapgs
    .if \isolated
    sysretq
2:  sub $120, %rsp                        // the registers again, by IRET
    jmp restore_and_iret
    .else
    sti                                   // takes effect after the next instruction
    jmp *%rcx
    .endif
    .endm

    .balign 64
    .fill 57, 1, 0xcc
// From the stub of a bound call site (kernel/binder): a jump with interrupts off, RAX and RCX as the instruction leaves them.
// What else the instruction does, for a program with no unusual flags.
    .globl linked_entry
linked_entry:
    cld
    mov $0x202, %r11d
    .globl syscall_entry
syscall_entry:
    system_call 0
    .globl syscall_entry_isolated
    .balign 64
syscall_entry_isolated:
    system_call 1

// Work is to be done, or the frame was changed: everything is restored, by IRET. Interrupts are off.
return_slow:
    sti
    mov %rsp, %rdi
    call return_work
    cli
    mov %gs:PCPU_CURRENT, %rax
    testl $~32, THREAD_WORK(%rax)         // all but kWorkFullReturn
    jne return_slow
    lock andl $~32, THREAD_WORK(%rax)
restore_and_iret:
    swapgs
restore_and_iret_kernel:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    add $16, %rsp                         // orig_rax, vector
    .globl iret_instruction
iret_instruction:
    iretq

// First return of a new program thread, and of init: RSP points to its TrapFrame. Interrupts may be on.
    .globl return_to_program
return_to_program:
    cli
    mov %gs:PCPU_CURRENT, %rax
    testl $~32, THREAD_WORK(%rax)
    jne return_slow
    lock andl $~32, THREAD_WORK(%rax)
    jmp restore_and_iret

// void enter_program(TrapFrame*)
    .globl enter_program
enter_program:
    cli
    mov %rdi, %rsp
    jmp return_to_program

// ---------------------------------------------------------------------------------------------------------------
// Exceptions and interrupts. Every vector comes in on an IST stack, since in ring 0 the CPU does not switch by itself
// and the program's red zone must stay whole. Stubs push an error code where the CPU does not, and the vector.
    .macro stub n
    .balign 16
    .if (\n == 8) || (\n >= 10 && \n <= 14) || (\n == 17) || (\n == 21) || (\n == 29) || (\n == 30)
    .else
    pushq $0
    .endif
    pushq $\n
    .if \n == 2 || \n == 8 || \n == 18
    jmp trap_on_own_stack
    .else
    jmp trap_common
    .endif
    .endm

    .globl trap_stubs
    .balign 16
trap_stubs:
    .set i, 0
    .rept 256
    stub i
    .set i, i + 1
    .endr

// On the IST stack: [0] vector, [8] error, [16] rip, [24] cs, [32] rflags, [40] rsp, [48] ss.
    .macro trap isolated
    cld
    .if \isolated
    smap clac                             // the program's AC is no leave to touch its memory
    .endif
    push %rax
    push %rcx
    .if \isolated
    testb $3, 40(%rsp)                    // CS: ring 3 is the program
    jz 1f
    .else
    cmpq $0, 32(%rsp)                     // RIP: the upper half is the kernel
    js 1f
    .endif
4:  swapgs
    mov %gs:PCPU_STACK_TOP, %rax
    sub $F_SIZE, %rax
    jmp 2f
1:
    .if \isolated
    lea iret_instruction(%rip), %rax
    cmp %rax, 32(%rsp)
    je 5f
6:
    .endif
    mov 56(%rsp), %rax                    // go on below the interrupted stack
    sub $F_SIZE, %rax
    and $-16, %rax
    cmp %gs:PCPU_STACK_LIMIT, %rax
    jb stack_used_up
2:  pop %rcx
    mov %rcx, 88(%rax)                    // rcx
    pop %rcx
    mov %rcx, 80(%rax)                    // rax
    pop %rcx
    mov %rcx, F_VECTOR(%rax)
    pop %rcx
    mov %rcx, F_ORIG_RAX(%rax)
    pop %rcx
    mov %rcx, F_RIP(%rax)
    pop %rcx
    mov %rcx, F_CS(%rax)
    pop %rcx
    mov %rcx, F_RFLAGS(%rax)
    pop %rcx
    mov %rcx, F_RSP(%rax)
    pop %rcx
    mov %rcx, F_SS(%rax)
    mov %r15, 0(%rax)
    mov %r14, 8(%rax)
    mov %r13, 16(%rax)
    mov %r12, 24(%rax)
    mov %rbp, 32(%rax)
    mov %rbx, 40(%rax)
    mov %r11, 48(%rax)
    mov %r10, 56(%rax)
    mov %r9, 64(%rax)
    mov %r8, 72(%rax)
    mov %rdx, 96(%rax)
    mov %rsi, 104(%rax)
    mov %rdi, 112(%rax)
    mov %rax, %rsp
    // The CPU came in with a null SS. The one that system calls run with: QEMU's TCG translates code for each of the two.
    mov $KERNEL_SS, %ecx
    mov %ecx, %ss
    .if \isolated
    testb $3, F_CS(%rsp)
    jz 3f
    .else
    cmpq $0, F_RIP(%rsp)
    js 3f
    .endif
    xor %ebp, %ebp                        // end of the kernel's frame chain
    mov %rsp, %rdi
    call trap_dispatch
    jmp return_to_program
3:  mov %rsp, %rdi
    call trap_dispatch
    jmp restore_and_iret_kernel
    .if \isolated
    // The IRET to ring 3 failed, with everything but its five words restored: where the program wanted to go is not canonical.
    // It is the program's fault, at that place.
5:  mov 56(%rsp), %rcx
    testb $3, 8(%rcx)
    jz 6b                                 // on the way back to the kernel: a bug
    mov (%rcx), %rax
    mov %rax, 32(%rsp)
    mov 16(%rcx), %rax
    mov %rax, 48(%rsp)
    mov 24(%rcx), %rax
    mov %rax, 56(%rsp)
    movq $USER_CS, 40(%rsp)
    movq $USER_SS, 64(%rsp)
    jmp 4b
    .endif
    .endm
    .balign 16
trap_common:
    trap 0
trap_common_isolated:
    trap 1
    isolated_copy trap_common, trap_common_isolated

// The interrupted kernel stack is used up: report it from the IST stack.
stack_used_up:
    pop %rcx
    pop %rax
    jmp trap_on_own_stack

// NMI, double fault, machine check, stack overflow: stays on its stack, does not use GS. [0] vector, [8] error, ...
trap_on_own_stack:
    cld
    push %rdi                             // order of TrapFrame from below
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    // Vector and error code stand in the other order than in a TrapFrame.
    mov F_ORIG_RAX(%rsp), %rax
    mov F_VECTOR(%rsp), %rcx
    mov %rcx, F_ORIG_RAX(%rsp)
    mov %rax, F_VECTOR(%rsp)
    pushfq
    andl $~0x40000, (%rsp)                // AC
    popfq
    mov %rsp, %rdi
    call fatal_trap                       // returns only for an NMI that means nothing
    jmp restore_and_iret_kernel

// ---------------------------------------------------------------------------------------------------------------
// void switch_stacks(Thread* from, Thread* to): saves the callee-saved registers and the stack pointer. Interrupts off.
    .globl switch_stacks
switch_stacks:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, THREAD_SAVED_RSP(%rdi)
    mov THREAD_SAVED_RSP(%rsi), %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

// Where a new kernel thread starts: RBX = entry, R12 = argument.
    .globl kernel_thread_start
kernel_thread_start:
    call finish_switch
    sti
    mov %r12, %rdi
    call *%rbx
    call exit_current_thread_asm
    ud2

// Where a new program thread starts: its TrapFrame is at RSP.
    .globl program_thread_start
program_thread_start:
    call finish_switch
    jmp return_to_program

    .section .note.GNU-stack, "", @progbits
