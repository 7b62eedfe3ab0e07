/* Start of a program on a Cortex-M4 in qemu-system-arm -M mps2-an386 with semihosting: the table of vectors, the floating-point unit, newlib's start. */
extern unsigned stack_top;
extern void _start(void);

/* What newlib calls before and after main, where there are no constructors. */
void _init(void);
void _fini(void);
void _init(void) {}
void _fini(void) {}

void reset(void);
void reset(void)
{
    *(volatile unsigned *)0xE000ED88u |= 0xFu << 20; /* CPACR: the coprocessor is on */
    __asm__ volatile("dsb\n\tisb");
    _start();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {&stack_top, (const void *)reset};
