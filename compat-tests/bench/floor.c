/*
 * floor - the least a PVH guest can do: say BOOTPROBE with the TSC on the serial port
 * and triple-fault.  Its boot figures are what QEMU, the firmware and the loading of
 * the kernel cost by themselves, the floor under every kernel's boot time.
 *
 * Build: gcc -m32 -O2 -ffreestanding -fno-pie -fno-pic -fno-stack-protector \
 *        -fcf-protection=none -fno-asynchronous-unwind-tables -mno-sse -nostdlib \
 *        -static -no-pie -Wl,-Ttext=0x100000,--build-id=none -o floor.elf floor.c
 * Use:   measure.py run --guests floor boot boot-icount
 */
__asm__(".pushsection .note.Xen, \"a\", @note\n"
	".long 4, 4, 18\n" /* name size, value size, XEN_ELFNOTE_PHYS32_ENTRY */
	".asciz \"Xen\"\n"
	".long _start\n"
	".popsection\n"
	".globl _start\n"
	"_start: mov $stack_top, %esp\n"
	"call run\n"
	"1: hlt; jmp 1b\n"
	".pushsection .bss\n"
	".balign 16\n"
	".skip 4096\n"
	"stack_top:\n"
	".popsection\n");

static void put(char c)
{
	__asm__ volatile("outb %0, %1" : : "a"(c), "Nd"((unsigned short)0x3f8));
}

static void puts_(const char *s)
{
	while (*s)
		put(*s++);
}

void run(void)
{
	unsigned lo, hi, i = 0;
	char digits[24];
	struct { unsigned short limit; unsigned base; } __attribute__((packed)) idt = {0, 0};

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	do { /* hi:lo / 10 by two 64/32 divisions */
		unsigned qh = hi / 10, r = hi % 10, ql;
		__asm__("divl %4" : "=a"(ql), "=d"(r) : "0"(lo), "1"(r), "r"(10u));
		digits[i++] = (char)('0' + r);
		hi = qh;
		lo = ql;
	} while (hi | lo);
	puts_("BOOTPROBE tsc=");
	while (i)
		put(digits[--i]);
	puts_("\r\n");
	__asm__ volatile("lidt %0; int3" : : "m"(idt));
}
