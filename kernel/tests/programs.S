// Program code of the in-kernel tests: copied to RECORD - 0x100000 and run there as a program's thread. Position-independent; it
// knows the record by its address. Entry: RDI and RSI are arguments, the stack is 16 KiB. Linux's system-call convention.

#define RECORD 0x10100000
#define BEFORE (RECORD)            // 16 registers before the trap: rax rbx rcx rdx rsi rdi rbp rsp r8..r15
#define AFTER (RECORD + 128)       // and after it
#define RED_ZONE_WRONG (RECORD + 256)
#define RESUME (RECORD + 264)      // where the handler goes on; 0: where the signal says
#define SEEN (RECORD + 272)        // signals handled; then of the last: number, code, address, trapno, error, rip, cr2, flags
#define SIG_NUMBER (RECORD + 280)
#define SIG_CODE (RECORD + 288)
#define SIG_ADDR (RECORD + 296)
#define SIG_TRAPNO (RECORD + 304)
#define SIG_ERROR (RECORD + 312)
#define SIG_RIP (RECORD + 320)
#define SIG_CR2 (RECORD + 328)
#define TRAP_AT (RECORD + 336)     // address of the trapping instruction

#define SYS_rt_sigreturn 15
#define SYS_sched_yield 24
#define SYS_pause 34
#define SYS_getpid 39
#define SYS_exit 60

// ucontext_t: gregs start at 40, in the order r8..r15 rdi rsi rbp rbx rdx rax rcx rsp rip eflags csgsfs err trapno oldmask cr2.
#define UC_RIP (40 + 16 * 8)
#define UC_EFLAGS (40 + 17 * 8)
#define UC_ERR (40 + 19 * 8)
#define UC_TRAPNO (40 + 20 * 8)
#define UC_CR2 (40 + 22 * 8)

    .section .rodata.ktest_programs, "a"
    .globl ktest_programs_start
    .balign 4096
ktest_programs_start:

    .macro program name
    .globl ktest_\name
    .balign 16
ktest_\name:
    .endm

    .macro finish
    mov $SYS_exit, %eax
    xor %edi, %edi
    syscall
    .endm

    .macro save_registers to
    mov %rax, \to + 0
    mov %rbx, \to + 8
    mov %rcx, \to + 16
    mov %rdx, \to + 24
    mov %rsi, \to + 32
    mov %rdi, \to + 40
    mov %rbp, \to + 48
    mov %rsp, \to + 56
    mov %r8, \to + 64
    mov %r9, \to + 72
    mov %r10, \to + 80
    mov %r11, \to + 88
    mov %r12, \to + 96
    mov %r13, \to + 104
    mov %r14, \to + 112
    mov %r15, \to + 120
    .endm

// The 15 words from -128(%rsp) up. The one at -8 is left to pushes of the tests themselves.
    .macro fill_red_zone
    .set at, -128
    .rept 15
    movq $0x5ed0000 + at, at(%rsp)
    .set at, at + 8
    .endr
    .endm
    .macro check_red_zone
    .set at, -128
    .rept 15
    cmpq $0x5ed0000 + at, at(%rsp)
    je 1f
    incq RED_ZONE_WRONG
1:  .set at, at + 8
    .endr
    .endm
    .macro set_registers
    mov $0x1111111111111111, %rbx
    mov $0x2222222222222222, %rsi
    mov $0x3333333333333333, %rdi
    mov $0x4444444444444444, %rbp
    mov $0x5555555555555555, %r8
    mov $0x6666666666666666, %r9
    mov $0x7777777777777777, %r10
    mov $0x8888888888888888, %r11
    mov $0x9999999999999999, %r12
    mov $0xaaaaaaaaaaaaaaaa, %r13
    mov $0xbbbbbbbbbbbbbbbb, %r14
    lea 9f(%rip), %r15
    mov %r15, RESUME
    lea 8f(%rip), %r15
    mov %r15, TRAP_AT
    .endm
// Around one instruction that traps. RAX, RCX, RDX are the case's.
    .macro before_trap
    fill_red_zone
    set_registers
    save_registers BEFORE
8:
    .endm
    .macro after_trap
9:  save_registers AFTER
    check_red_zone
    finish
    .endm

// void handler(int sig, siginfo_t*, ucontext_t*)
    program handler
    incq SEEN
    movslq %edi, %rax
    mov %rax, SIG_NUMBER
    movslq 8(%rsi), %rax
    mov %rax, SIG_CODE
    mov 16(%rsi), %rax
    mov %rax, SIG_ADDR
    mov UC_TRAPNO(%rdx), %rax
    mov %rax, SIG_TRAPNO
    mov UC_ERR(%rdx), %rax
    mov %rax, SIG_ERROR
    mov UC_RIP(%rdx), %rax
    mov %rax, SIG_RIP
    mov UC_CR2(%rdx), %rax
    mov %rax, SIG_CR2
    andl $~0x100, UC_EFLAGS(%rdx)         // no more single steps
    mov RESUME, %rax
    test %rax, %rax
    jz 1f
    mov %rax, UC_RIP(%rdx)
1:  ret

    program restorer
    mov $SYS_rt_sigreturn, %eax
    syscall

    program divide
    xor %ecx, %ecx
    xor %edx, %edx
    mov $1, %eax
    before_trap
    div %ecx
    after_trap

    program single_step
    subq $8, %rsp
    pushfq
    orq $0x100, (%rsp)
    addq $8, %rsp
    before_trap
    subq $8, %rsp
    popfq                                 // the step ends behind the next instruction
    nop
    nop
    after_trap

    program breakpoint
    before_trap
    int3
    after_trap

    program overflow
    before_trap
    int $4
    after_trap

    program bound
    before_trap
    int $5
    after_trap

    program invalid_opcode
    before_trap
    ud2
    after_trap

    program no_coprocessor
    before_trap
    int $7
    after_trap

    program bad_segment
    mov $0x1f8, %eax
    before_trap
    mov %ax, %es
    after_trap

    program stack_fault
    mov $0x8000000000000000, %rax
    before_trap
    mov %ss:(%rax), %rcx
    after_trap

    program protection
    mov $0x8000000000000000, %rax
    before_trap
    mov %ds:(%rax), %rcx
    after_trap

    program bad_msr
    mov $0x12345678, %ecx
    before_trap
    rdmsr
    after_trap

    program read_fault
    mov $0x12345, %eax
    before_trap
    mov (%rax), %rcx
    after_trap

    program write_fault                   // to its own text
    lea 8f(%rip), %rax
    before_trap
    movb $0, (%rax)
    after_trap

    program fetch_fault
    mov $RECORD, %eax                     // not executable
    before_trap
    jmp *%rax
    after_trap

    program kernel_read
    mov $0xffff888000100000, %rax
    before_trap
    mov (%rax), %rcx
    after_trap

    program x87_error
    fninit
    pushq $0x370                          // all but the low four bits: invalid, denormal, zero divide, overflow come
    fldcw (%rsp)
    addq $8, %rsp
    fld1
    fldz
    fdivrp                                // pending
    before_trap
    fwait
    after_trap

    program alignment                     // INT 17 pushes no error code: not raised. Here AC is set, which ring 0 ignores.
    before_trap
    movq BEFORE + 1, %rax
    nop
9:  save_registers AFTER
    check_red_zone
    finish

// Faults in ring 3.
    program clear_interrupts
    before_trap
    cli
    after_trap

    program write_port                    // the POST code's
    before_trap
    out %al, $0x80
    after_trap

// Ends at once; RESUME is set to `end`.
    program never
    ud2
    program end
    finish

// Counts RDI[0] up until RDI[1] is not zero.
    program spin
1:  lock incq (%rdi)
    cmpq $0, 8(%rdi)
    je 1b
    finish

// Counts RDI[0] up to RDI[1].
    program count_to
1:  incq (%rdi)
    mov 8(%rdi), %rax
    cmp %rax, (%rdi)
    jb 1b
    finish

// Interrupted at any instruction: checks its red zone and registers until RDI[0] is not zero; RDI[1] counts the rounds, RED_ZONE_WRONG what
// was found wrong. No memory access but those moves.
    program watch_red_zone
    fill_red_zone
    mov %rdi, %r15
    mov $0x1111111111111111, %rax
    mov $0x2222222222222222, %rbx
    mov $0x3333333333333333, %rcx
    mov $0x4444444444444444, %rdx
    mov $0x5555555555555555, %rsi
    mov $0x6666666666666666, %rdi
    mov $0x7777777777777777, %rbp
    mov $0x8888888888888888, %r8
    mov %rax, %r9
    mov %rbx, %r10
    mov %rcx, %r11
    mov %rdx, %r12
    mov %rsi, %r13
    mov %rdi, %r14
2:  check_red_zone
    .macro same a, b
    cmp \a, \b
    je 3f
    incq RED_ZONE_WRONG
3:
    .endm
    same %rax, %r9
    same %rbx, %r10
    same %rcx, %r11
    same %rdx, %r12
    same %rsi, %r13
    same %rdi, %r14
    incq 8(%r15)
    cmpq $0, (%r15)
    je 2b
    finish

// Makes RDI[0] calls of getpid; RDI[1] counts results that are not RSI.
    program call_getpid
    mov (%rdi), %rbx
    mov %rdi, %r12
    mov %rsi, %r13
1:  mov $SYS_getpid, %eax
    syscall
    cmp %rax, %r13
    je 2f
    incq 8(%r12)
2:  dec %rbx
    jnz 1b
    finish

// Sleeps in pause(2); the result goes to RDI[1]. RDI[0] is set just before.
    program pause
    mov %rdi, %r12
    movq $0, RESUME
    movq $1, (%r12)
    mov $SYS_pause, %eax
    syscall
    mov %rax, 8(%r12)
    finish

// Extended state and segment bases over RDI[0] yields (or, if RSI is set, over that many rounds of a loop that is preempted).
// RDI[1] counts what was found wrong. RDI + 64: 256 bytes for XMM0-15 (16 bytes each), then 256 for the upper halves of YMM0-15
// if RDI[2] is set; RDI[3] FS base and GS base (if RDI[4]); RDI[5] MXCSR, RDI[6] a double for ST(0). RDI + 1024: scratch.
    program extended_state
    mov %rdi, %r12
    mov (%rdi), %r13
    mov %rsi, %r14
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups 64 + \n * 16(%r12), %xmm\n
    .endr
    cmpq $0, 16(%r12)
    je 1f
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vinsertf128 $1, 320 + \n * 16(%r12), %ymm\n, %ymm\n
    .endr
1:  ldmxcsr 40(%r12)
    fninit
    fldl 48(%r12)
    cmpq $0, 32(%r12)
    je 2f
    mov 24(%r12), %rax
    wrfsbase %rax
    add $8, %rax
    wrgsbase %rax
2:  test %r14, %r14
    jz 3f
    mov %r14, %rcx
4:  dec %rcx
    jnz 4b
    jmp 5f
3:  mov $SYS_sched_yield, %eax
    syscall
5:  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups %xmm\n, 1024 + \n * 16(%r12)
    .endr
    lea 64(%r12), %rsi
    lea 1024(%r12), %rdi
    mov $32, %ecx
    repe cmpsq
    je 6f
    incq 8(%r12)
6:  cmpq $0, 16(%r12)
    je 7f
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vextractf128 $1, %ymm\n, 1024 + \n * 16(%r12)
    .endr
    lea 320(%r12), %rsi
    lea 1024(%r12), %rdi
    mov $32, %ecx
    repe cmpsq
    je 7f
    incq 8(%r12)
7:  stmxcsr 1024(%r12)
    mov 1024(%r12), %eax
    cmp %eax, 40(%r12)
    je 1f
    incq 8(%r12)
1:  fstl 1024(%r12)
    mov 1024(%r12), %rax
    cmp %rax, 48(%r12)
    je 1f
    incq 8(%r12)
1:  cmpq $0, 32(%r12)
    je 8f
    rdfsbase %rax
    cmp %rax, 24(%r12)
    je 1f
    incq 8(%r12)
1:  rdgsbase %rax
    sub $8, %rax
    cmp %rax, 24(%r12)
    je 8f
    incq 8(%r12)
8:  dec %r13
    jnz 2b
    finish

    .balign 4096
    .globl ktest_programs_end
ktest_programs_end:

// ---------------------------------------------------------------------------------------------------------------
// u64 ktest_plain_load(u64 address): 0 if it can be read as kernel memory is, -1 if it faults. Kernel code.
    .text
    .globl ktest_plain_load
ktest_plain_load:
1:  mov (%rdi), %rax
    xor %eax, %eax
    ret
2:  mov $-1, %rax
    ret
    .pushsection .ex_table, "a"
    .long 1b - ., 2b - .
    .popsection

// u64 ktest_callee_saved(u64 seed, u64 rounds): calls ktest_switch_away() with known callee-saved registers; how often one
// came back changed. Kernel code.
    .text
    .globl ktest_callee_saved
ktest_callee_saved:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    push %rsi                             // 16(%rsp): rounds
    push $0                               // 8: errors
    push %rdi                             // 0: seed
1:  mov 0(%rsp), %rbx
    lea 1(%rbx), %rbp
    lea 2(%rbx), %r12
    lea 3(%rbx), %r13
    lea 4(%rbx), %r14
    lea 5(%rbx), %r15
    call ktest_switch_away
    cmp 0(%rsp), %rbx
    jne 2f
    lea 1(%rbx), %rax
    cmp %rax, %rbp
    jne 2f
    lea 2(%rbx), %rax
    cmp %rax, %r12
    jne 2f
    lea 3(%rbx), %rax
    cmp %rax, %r13
    jne 2f
    lea 4(%rbx), %rax
    cmp %rax, %r14
    jne 2f
    lea 5(%rbx), %rax
    cmp %rax, %r15
    je 3f
2:  incq 8(%rsp)
3:  decq 16(%rsp)
    jnz 1b
    mov 8(%rsp), %rax
    add $24, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

// Kernel code that faults, and the address of the faulting instruction: for the panic block.
    .globl ktest_kernel_fault, ktest_kernel_fault_at
ktest_kernel_fault:
    push %rbp
    mov %rsp, %rbp
    mov $0x1111222233334444, %rbx
    mov $0x5555666677778888, %r15
    mov $0xc0ffee, %rcx
ktest_kernel_fault_at:
    movb $7, (%rdi)
    ud2
    .section .note.GNU-stack, "", @progbits
