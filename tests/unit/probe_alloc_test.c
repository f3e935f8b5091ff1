// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Small libraries in assembly, each with one thing that decides where a probe may sit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe_assembly.h"

#define PLACES_MAX 6
#define NEXT       "the first emulated instruction"
#define JUMPS      2

/* What is expected of a function. */
struct expected {
	const char *name;
	enum alloc_call call;
	int from_entry; /* the place; -1: skipped */
	bool emulated, returns, passes_on;
	int nests;       /* 0, 1, or JUMPS */
	const char *why; /* begins so: of the place, or of the skip */
};

static const struct {
	const char *name;
	const char *source;
	struct expected functions[PLACES_MAX];
} cases[] = {
	/* ---- The place ---- */
	{ "push first",
	  MALLOC FREE,
	  { { "malloc", ALLOC_SIZE0, 0, true, true, false, false, "emulated" },
	    { "free", ALLOC_FREE, 0, true, false, false, false, "emulated" } } },
	{ "push of a high register",
	  FUNCTION("malloc", "push %r12\n" WORK "pop %r12\nret") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, true, true, false, false, "emulated" } } },
	{ "endbr64 first",
	  FUNCTION("malloc", "endbr64\npush %rbx\n" WORK "pop %rbx\nret") FREE,
	  { { "malloc", ALLOC_SIZE0, 4, true, true, false, false, NEXT } } },
	{ "a caller skips endbr64",
	  FUNCTION("malloc", "endbr64\npush %rbx\n" WORK "pop %rbx\nret")
		  FREE FUNCTION("strdup", "jmp malloc+4"),
	  { { "malloc", ALLOC_SIZE0, 4, true, true, false, false, NEXT } } },
	{ "a jump, conditional",
	  FUNCTION("malloc", "cmp $1024,%rdi\nja 1f\n1:" WORK "ret") FREE,
	  { { "malloc", ALLOC_SIZE0, 7, true, true, false, false, NEXT } } },
	{ "a loop back into the beginning",
	  FUNCTION("malloc", "mov $2,%eax\n1: dec %eax\njne 1b\n" WORK "ret") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false, "a branch lands" } } },
	{ "a loop back to the entry itself",
	  FUNCTION("malloc", "lea -1(%rax),%rax\ntest %rax,%rax\njne malloc\n" WORK "ret") FREE,
	  { { "malloc", ALLOC_SIZE0, 7, true, true, false, false, NEXT } } },
	{ "a jump from afar to the place",
	  FUNCTION("malloc", "lea 7(%rdi),%rax\npush %rbx\n" WORK "pop %rbx\nret")
		  FREE FUNCTION("strdup", ".skip 300,0x90\n.byte 0xe9\n.long malloc+4-.-4"),
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false, "a branch lands" } } },
	{ "a conditional jump from afar to the place",
	  FUNCTION("malloc", "lea 7(%rdi),%rax\npush %rbx\n" WORK "pop %rbx\nret")
		  FREE FUNCTION("strdup", ".skip 300,0x90\n.byte 0x0f,0x84\n.long malloc+4-.-4"),
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false, "a branch lands" } } },
	{ "a jump from afar behind the place",
	  FUNCTION("malloc", "lea 7(%rdi),%rax\npush %rbx\n" WORK "pop %rbx\nret")
		  FREE FUNCTION("strdup", ".skip 300,0x90\n.byte 0xe9\n.long malloc+5-.-4"),
	  { { "malloc", ALLOC_SIZE0, 4, true, true, false, false, NEXT } } },
	{ "a jump from the function before",
	  FUNCTION("strdup", "xor %eax,%eax\n.byte 0xeb\n.byte malloc+4-.-1")
		  FUNCTION("malloc", "lea 7(%rdi),%rax\npush %rbx\n" WORK "pop %rbx\nret") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false, "a branch lands" } } },
	{ "a jump into the emulated instruction",
	  FUNCTION("malloc", "lea 7(%rdi),%rax\npush %r12\n" WORK "pop %r12\nret")
		  FREE FUNCTION("strdup", ".skip 300,0x90\n.byte 0xe9\n.long malloc+5-.-4"),
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false, "a branch lands" } } },
	{ "a jump into the entry's instruction",
	  FUNCTION("malloc", "js malloc+1\n" WORK "ret") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, true, true, false, false, "emulated" } } },
	{ "an argument overwritten",
	  FUNCTION("malloc", "mov %rdi,%rax\nxor %edi,%edi\npush %rbx\n" WORK "pop %rbx\nret") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false, "an argument" } } },
	{ "a byte of an argument overwritten",
	  FUNCTION("malloc", "mov $1,%dil\npush %rbx\n" WORK "pop %rbx\nret") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false, "an argument" } } },
	{ "an argument overwritten by an instruction that does not name it",
	  FUNCTION("posix_memalign", "mov %rdi,%rax\nmul %rsi\npush %rbx\n" WORK "pop %rbx\nret")
		  MALLOC FREE,
	  { { "posix_memalign", ALLOC_POSIX_MEMALIGN, 0, false, true, false, false,
	      "an argument" } } },
	{ "a register overwritten that is no argument here",
	  FUNCTION("malloc", "xor %esi,%esi\npush %rbx\n" WORK "pop %rbx\nret")
		  FUNCTION("calloc", "xor %esi,%esi\npush %rbx\n" WORK "pop %rbx\nret") FREE,
	  { { "malloc", ALLOC_SIZE0, 2, true, true, false, false, NEXT },
	    { "calloc", ALLOC_CALLOC, 0, false, true, false, false, "an argument" } } },
	{ "the size moved to the second argument",
	  FUNCTION("malloc", "mov %rdi,%rsi\nmov state(%rip),%rdi\ncmp $1024,%rsi\nja 1f\n1:" WORK
			     "ret") FREE,
	  { { "malloc", ALLOC_SIZE1, 17, true, true, false, false, NEXT ", the size" } } },
	{ "the size moved on from there",
	  FUNCTION("malloc", "mov %rdi,%rsi\nmov state(%rip),%rdi\nmov %rsi,%rdx\n"
			     "xor %esi,%esi\ncmp $1024,%rdx\nja 1f\n1:" WORK "ret") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false, "an argument" } } },
	{ "something else moved to the second argument",
	  FUNCTION("malloc",
		   "mov %rdx,%rsi\nmov state(%rip),%rdi\npush %rbx\n" WORK "pop %rbx\nret") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false, "an argument" } } },
	{ "the size moved, in a function that throws: there is no program for that",
	  MALLOC FREE FUNCTION("_Znwm", "mov %rdi,%rsi\nmov state(%rip),%rdi\ncmp $1024,%rsi\n"
					"ja 1f\n1:" WORK "ret"),
	  { { "_Znwm", ALLOC_SIZE0, 0, false, false, false, false, "an argument" } } },
	{ "the stack pointer moved",
	  FUNCTION("malloc", "sub $8,%rsp\ncmp $1024,%rdi\nja 1f\n1:" WORK "add $8,%rsp\nret")
		  FUNCTION("free",
			   "sub $8,%rsp\ncmp $1024,%rdi\nja 1f\n1:" WORK "add $8,%rsp\nret"),
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false, "the stack pointer" },
	    { "free", ALLOC_FREE, 11, true, false, false, false, NEXT } } },
	{ "an instruction of unknown effect",
	  FUNCTION("malloc", "cpuid\npush %rbx\n" WORK "pop %rbx\nret") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false,
	      "no emulated instruction before one of unknown effect" } } },
	{ "an end before anything emulated",
	  FUNCTION("malloc", WORK "ret\npush %rbx") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false,
	      "no emulated instruction before the code divides" } } },
	{ "an indirect call before anything emulated",
	  FUNCTION("malloc", "call *state(%rip)\npush %rbx\n" WORK "pop %rbx\nret") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false,
	      "no emulated instruction before the code divides" } } },
	{ "nothing emulated for long",
	  FUNCTION("malloc", ".rept 20\nmovzbl %al,%eax\nlea 1(%rax),%rax\n.endr\npush %rbx\n" WORK
			     "pop %rbx\nret") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false,
	      "no emulated instruction among the first" } } },
	{ "an end of the symbol before anything emulated",
	  FUNCTION("malloc", "lea 7(%rdi),%rax") "push %rbx\n" WORK "pop %rbx\nret\n" FREE,
	  { { "malloc", ALLOC_SIZE0, 0, false, true, false, false,
	      "no emulated instruction among the first" } } },
	{ "a first instruction that the kernel refuses",
	  FUNCTION("malloc", "lock incl state(%rip)\nret") FREE,
	  { { "malloc", ALLOC_SIZE0, -1, false, false, false, false,
	      "the kernel takes no probe" } } },

	{ "a first instruction that the kernel refuses, and a better one",
	  FUNCTION("malloc", ".byte 0x2e\nmov %rsi,%rax\npush %rbx\n" WORK "pop %rbx\nret") FREE,
	  { { "malloc", ALLOC_SIZE0, 4, true, true, false, false, NEXT } } },

	/* ---- free(NULL) ---- */
	{ "free of NULL leaves first",
	  FUNCTION("free", "test %rdi,%rdi\nje 1f\npush %rbx\n" WORK "pop %rbx\n1: ret") MALLOC,
	  { { "free", ALLOC_FREE, 5, true, false, false, false,
	      "emulated, behind the test for NULL" } } },
	{ "free of NULL leaves first, and then the argument is overwritten",
	  FUNCTION("free", "test %rdi,%rdi\nje 1f\nxor %edi,%edi\npush %rbx\n" WORK
			   "pop %rbx\n1: ret") MALLOC,
	  { { "free", ALLOC_FREE, 3, true, false, false, false,
	      "emulated, the test for NULL itself" } } },
	{ "free of NULL leaves first, and another way comes in behind",
	  FUNCTION("free", "test %rdi,%rdi\nje 1f\n2: push %rbx\n" WORK "pop %rbx\n"
			   "dec %rdi\njne 2b\n1: ret") MALLOC,
	  { { "free", ALLOC_FREE, 3, true, false, false, false,
	      "emulated, the test for NULL itself" } } },
	{ "free of anything else leaves first",
	  FUNCTION("free", "test %rsi,%rsi\nje 1f\npush %rbx\n" WORK "pop %rbx\n1: ret") MALLOC,
	  { { "free", ALLOC_FREE, 3, true, false, false, false, NEXT } } },
	{ "free of all but NULL leaves first",
	  FUNCTION("free", "test %rdi,%rdi\njne 1f\npush %rbx\n" WORK "pop %rbx\n1: ret") MALLOC,
	  { { "free", ALLOC_FREE, 3, true, false, false, false, NEXT } } },
	{ "the test for NULL was of something else",
	  FUNCTION("free", "test %rdi,%rdi\ncmp $1,%rsi\nje 1f\npush %rbx\n" WORK
			   "pop %rbx\n1: ret") MALLOC,
	  { { "free", ALLOC_FREE, 7, true, false, false, false, NEXT } } },
	{ "the test is for another pointer than NULL",
	  FUNCTION("free", "cmp $16,%rdi\nje 1f\npush %rbx\n" WORK "pop %rbx\n1: ret") MALLOC,
	  { { "free", ALLOC_FREE, 4, true, false, false, false, NEXT } } },
	{ "malloc of 0 is no free of NULL",
	  FUNCTION("malloc", "test %rdi,%rdi\nje 1f\npush %rbx\n" WORK "pop %rbx\n1: ret") FREE,
	  { { "malloc", ALLOC_SIZE0, 3, true, true, false, false, NEXT } } },

	/* ---- What is left to others ---- */
	{ "aliases",
	  MALLOC FREE ALIAS("__libc_malloc", "malloc") ALIAS("cfree", "free"),
	  { { "malloc", ALLOC_SIZE0, 0, true, true, false, false, "emulated" },
	    { "free", ALLOC_FREE, 0, true, false, false, false, "emulated" } } },
	{ "tail jumps, through the linkage table and not",
	  MALLOC FREE FUNCTION("realloc", "push %rbx\n" WORK "pop %rbx\nret") FUNCTION(
		  "reallocarray", "mov %rsi,%rax\nmul %rdx\njo 1f\nmov %rax,%rsi\njmp realloc@plt\n"
				  "1: mov errno@gottpoff(%rip),%rax\nmovl $12,%fs:(%rax)\n"
				  "xor %eax,%eax\nret") FUNCTION("cfree", "jmp free")
		  FUNCTION("_ZdlPv", "endbr64\njmp free@plt"),
	  { { "reallocarray", 0, -1, false, false, false, false, "leaves the work" },
	    { "cfree", 0, -1, false, false, false, false, "leaves the work" },
	    { "_ZdlPv", 0, -1, false, false, false, false, "leaves the work" },
	    { "realloc", ALLOC_REALLOC, 0, true, true, false, false, "emulated" } } },
	{ "calls that pass on what they get",
	  MALLOC FREE FUNCTION("memalign", "push %rbx\n" WORK "pop %rbx\nret")
		  FUNCTION("calloc", "push %rbx\nmov %rdi,%rax\nmul %rsi\nmov %rax,%rdi\n"
				     "call malloc@plt\npop %rbx\nret")
			  FUNCTION("posix_memalign",
				   "push %rbx\nmov %rdi,%rbx\nmov %rsi,%rdi\nmov %rdx,%rsi\n"
				   "call *memalign@gotpcrel(%rip)\nmov %rax,(%rbx)\n"
				   "xor %eax,%eax\npop %rbx\nret")
				  FUNCTION("_Znwm", "push %rbx\n1: mov %rdi,%rbx\ncall malloc\n"
						    "test %rax,%rax\nje 2f\npop %rbx\nret\n"
						    "2: call *state(%rip)\njmp 1b"),
	  { { "calloc", 0, -1, false, false, false, false, "leaves the work" },
	    { "posix_memalign", 0, -1, false, false, false, false, "leaves the work" },
	    { "_Znwm", 0, -1, false, false, false, false, "leaves the work" } } },
	{ "aligned blocks lie inside of malloc's",
	  MALLOC FREE FUNCTION("valloc", "push %rbx\nadd $4096,%rdi\ncall malloc\n"
					 "and $-4096,%rax\npop %rbx\nret"),
	  { { "valloc", ALLOC_SIZE0, 0, true, true, false, true, "emulated" } } },
	{ "code of its own, and another's behind",
	  MALLOC FREE FUNCTION("_Znwm", "push %rbx\nmov state(%rip),%rax\ntest %rax,%rax\nje 1f\n"
					"mov (%rax),%rdx\nmov %rdx,state(%rip)\npop %rbx\nret\n"
					"1: call malloc\npop %rbx\nret"),
	  { { "_Znwm", ALLOC_SIZE0, 0, true, false, false, true, "emulated" } } },
	{ "calls of code of its own, and of another's",
	  MALLOC FREE ".type own,@function\nown:" WORK
		      "ret\n" FUNCTION("_Znwm", "push %rbx\ncmp $64,%rdi\nja 1f\ncall own\n"
						"pop %rbx\nret\n1: call malloc\npop %rbx\nret"),
	  { { "_Znwm", ALLOC_SIZE0, 0, true, false, false, true, "emulated" } } },
	{ "failing by itself, with errno set, is no work",
	  MALLOC FREE ".type place,@function\nplace:" WORK
		      "ret\n" FUNCTION("calloc", "push %rbx\nmov %rdi,%rax\nmul %rsi\njo 1f\n"
						 "mov %rax,%rdi\ncall malloc\npop %rbx\nret\n"
						 "1: call place\nmovl $12,(%rax)\nxor %ebx,%ebx\n"
						 "mov %rbx,%rax\npop %rbx\nret"),
	  { { "calloc", 0, -1, false, false, false, false, "leaves the work" } } },
	{ "returning NULL is no work, whatever came before",
	  MALLOC FREE ".type start,@function\nstart:" WORK "ret\n" FUNCTION(
		  "calloc", "push %rbx\ncall start\nmov %rdi,%rax\nmul %rsi\n"
			    "jo 1f\nmov %rax,%rdi\ncall malloc\npop %rbx\n"
			    "ret\n1: xor %eax,%eax\npop %rbx\nret")
		  FUNCTION("posix_memalign", "push %rbx\ncall start\ntest %rdi,%rdi\nje 1f\n"
					     "call aligned_alloc\npop %rbx\nret\n"
					     "1: mov $22,%eax\npop %rbx\nret")
			  FUNCTION("aligned_alloc", "push %rbx\n" WORK "pop %rbx\nret"),
	  { { "calloc", 0, -1, false, false, false, false, "leaves the work" },
	    { "posix_memalign", 0, -1, false, false, false, false, "leaves the work" } } },
	{ "returning 0 is no failure of posix_memalign's",
	  MALLOC FREE FUNCTION("posix_memalign",
			       "push %rbx\ntest %rdx,%rdx\nje 1f\ncall aligned_alloc\n"
			       "pop %rbx\nret\n1:" WORK "xor %eax,%eax\npop %rbx\nret")
		  FUNCTION("aligned_alloc", "push %rbx\n" WORK "pop %rbx\nret"),
	  { { "posix_memalign", ALLOC_POSIX_MEMALIGN, 0, true, true, false, true, "emulated" } } },
	{ "saving registers on the stack is no work",
	  MALLOC FREE FUNCTION("cfree", "sub $24,%rsp\nmov %rdi,8(%rsp)\ntest %rdi,%rdi\nje 1f\n"
					"add $24,%rsp\njmp free\n1: add $24,%rsp\nret"),
	  { { "cfree", 0, -1, false, false, false, false, "leaves the work" } } },
	{ "a way through the linkage table to code that jumps on",
	  MALLOC FREE FUNCTION("calloc", "imul %rsi,%rdi\njmp helper@plt")
		  FUNCTION("helper", "nop\njmp malloc"),
	  { { "calloc", 0, -1, false, false, false, false, "leaves the work" } } },
	{ "realloc leaves its work to reallocarray",
	  MALLOC FREE FUNCTION("realloc", "mov $1,%edx\njmp reallocarray")
		  FUNCTION("reallocarray", "push %rbx\n" WORK "pop %rbx\nret"),
	  { { "realloc", 0, -1, false, false, false, false, "leaves the work" },
	    { "reallocarray", ALLOC_REALLOCARRAY, 0, true, true, false, false, "emulated" } } },
	{ "pvalloc asks for more than it is asked for",
	  MALLOC FREE FUNCTION("pvalloc", "push %rbx\nadd $4095,%rdi\nand $-4096,%rdi\n"
					  "mov %rdi,%rsi\nmov $4096,%edi\ncall memalign\n"
					  "pop %rbx\nret")
		  FUNCTION("memalign", "push %rbx\n" WORK "pop %rbx\nret")
			  FUNCTION("__libc_pvalloc", "nop\njmp pvalloc"),
	  { { "pvalloc", ALLOC_SIZE0, 0, true, true, false, true, "emulated" },
	    { "__libc_pvalloc", 0, -1, false, false, false, false, "leaves the work" } } },
	{ "pvalloc's last act is a jump to another",
	  MALLOC FREE FUNCTION("pvalloc", "push %rbx\nlea 4095(%rdi),%rsi\nand $-4096,%rsi\n"
					  "mov $4096,%edi\npop %rbx\njmp memalign")
		  FUNCTION("memalign", "push %rbx\n" WORK "pop %rbx\nret"),
	  { { "pvalloc", ALLOC_SIZE0, 0, true, true, false, JUMPS, "emulated" } } },
	{ "pvalloc jumps to code that calls another",
	  MALLOC FREE FUNCTION("pvalloc", "push %rbx\n" WORK "pop %rbx\njmp cold") FUNCTION(
		  "memalign",
		  "push %rbx\n" WORK
		  "pop %rbx\nret") ".p2align 4\ncold: push %rbx\ncall memalign\npop %rbx\nret\n",
	  { { "pvalloc", ALLOC_SIZE0, 0, true, true, false, JUMPS, "emulated" } } },
	{ "behind the last call of pvalloc another function begins",
	  MALLOC FREE FUNCTION("pvalloc", "push %rbx\n" WORK "test %rax,%rax\nje 1f\n"
					  "pop %rbx\nret\n1: call fail")
		  FUNCTION("memalign", "jmp malloc") ".type fail,@function\nfail:" WORK "ret\n",
	  { { "pvalloc", ALLOC_SIZE0, 0, true, true, false, false, "emulated" } } },
	{ "a wrapper of code of its own",
	  MALLOC FREE ".type own,@function\nown:" WORK "ret\n" FUNCTION("calloc", "jmp own"),
	  { { "calloc", ALLOC_CALLOC, 0, true, true, false, false, "emulated" } } },
	{ "realloc of NULL is malloc's",
	  MALLOC FREE FUNCTION("realloc", "push %rbx\nmov %rdi,%rbx\ntest %rbx,%rbx\nje 1f\n" WORK
					  "pop %rbx\nret\n"
					  "1: mov %rsi,%rdi\npop %rbx\njmp malloc"),
	  { { "realloc", ALLOC_REALLOC, 0, true, true, true, false, "emulated" } } },
	{ "realloc of NULL is malloc's, behind a call that saves it on the stack",
	  MALLOC FREE ".type start,@function\nstart:" WORK "ret\n" FUNCTION(
		  "realloc", "sub $24,%rsp\nmov %rdi,8(%rsp)\nmov %rsi,(%rsp)\n"
			     "call start\nmov 8(%rsp),%rcx\nmov (%rsp),%rdi\nadd $24,%rsp\n"
			     "test %rcx,%rcx\nje 1f\n" WORK "ret\n1: jmp malloc"),
	  { { "realloc", ALLOC_REALLOC, 0, false, true, true, false, "the stack pointer" } } },
	{ "realloc of NULL is malloc's, seen after the stack has moved",
	  MALLOC FREE ".type start,@function\nstart:" WORK "ret\n" FUNCTION(
		  "realloc", "sub $24,%rsp\nmov %rdi,8(%rsp)\nmov %rsi,(%rsp)\n"
			     "call start\nmov (%rsp),%rdi\nadd $24,%rsp\n"
			     "mov -16(%rsp),%rcx\n"
			     "test %rcx,%rcx\nje 1f\n" WORK "ret\n1: jmp malloc"),
	  { { "realloc", ALLOC_REALLOC, 0, false, true, true, false, "the stack pointer" } } },
	{ "realloc tests a register that a call has overwritten",
	  MALLOC FREE ".type start,@function\nstart:" WORK "ret\n" FUNCTION(
		  "realloc", "push %rbx\ncall start\npop %rbx\n"
			     "test %rdi,%rdi\nje 1f\n" WORK "ret\n1: jmp malloc"),
	  { { "realloc", ALLOC_REALLOC, 0, true, true, false, JUMPS, "emulated" } } },
	{ "realloc of NULL is malloc's, and so are other calls",
	  MALLOC FREE FUNCTION("realloc", "push %rbx\ntest %rdi,%rdi\nje 1f\n" WORK
					  "cmp $64,%rsi\njb 2f\n1: mov %rsi,%rdi\ncall malloc\n"
					  "2: pop %rbx\nret"),
	  { { "realloc", ALLOC_REALLOC, 0, true, true, true, true, "emulated" } } },
	{ "realloc of NULL works by itself",
	  MALLOC FREE FUNCTION("realloc", "push %rbx\n" WORK "test %rdi,%rdi\nje 1f\npop %rbx\n"
					  "ret\n1: mov state(%rip),%rax\npop %rbx\nret"),
	  { { "realloc", ALLOC_REALLOC, 0, true, true, false, false, "emulated" } } },
	{ "small alignments are malloc's",
	  MALLOC FREE FUNCTION("memalign", "cmp $16,%rdi\nja 1f\nmov %rsi,%rdi\njmp malloc\n"
					   "1:" WORK "ret")
		  FUNCTION("posix_memalign", "push %rbx\nmov %rdi,%rbx\nlea -1(%rsi),%rax\ntest "
					     "%rsi,%rax\njne 2f\n"
					     "mov %rsi,%rdi\nmov %rdx,%rsi\ncall aligned\nmov "
					     "%rax,(%rbx)\n"
					     "xor %eax,%eax\npop %rbx\nret\n2: mov $22,%eax\npop "
					     "%rbx\nret") ".type aligned,@function\naligned: cmp "
							  "$16,%rdi\njbe 1f\n" WORK
							  "ret\n1: mov %rsi,%rdi\njmp malloc\n",
	  { { "memalign", ALLOC_SIZE1, 4, true, true, true, false, NEXT },
	    { "posix_memalign", ALLOC_POSIX_MEMALIGN, 0, true, true, true, false, "emulated" } } },
	{ "alignments up to 8 only are malloc's",
	  MALLOC FREE FUNCTION("memalign", "cmp $8,%rdi\nja 1f\nmov %rsi,%rdi\njmp malloc\n"
					   "1:" WORK "ret"),
	  { { "memalign", ALLOC_SIZE1, 4, true, true, false, JUMPS, NEXT } } },
	{ "reallocarray of its own",
	  MALLOC FREE FUNCTION("reallocarray", "push %rbx\n" WORK "pop %rbx\nret"),
	  { { "reallocarray", ALLOC_REALLOCARRAY, 0, true, true, false, false, "emulated" } } },
	{ "reallocarray of NULL is malloc's",
	  MALLOC FREE FUNCTION("reallocarray",
			       "push %rbx\nimul %rdx,%rsi\ntest %rdi,%rdi\nje 1f\n" WORK
			       "pop %rbx\nret\n"
			       "1: mov %rsi,%rdi\npop %rbx\njmp malloc"),
	  { { "reallocarray", ALLOC_REALLOCARRAY, 0, true, true, true, false, "emulated" } } },

	/* ---- Exceptions ---- */
	{ "operators of its own",
	  MALLOC FREE FUNCTION("_Znwm", "push %rbx\n" WORK "pop %rbx\nret")
		  FUNCTION("_ZnwmRKSt9nothrow_t", "push %rbx\n" WORK "pop %rbx\nret")
			  FUNCTION("_ZdlPvm", "push %rbx\n" WORK "pop %rbx\nret"),
	  { { "_Znwm", ALLOC_SIZE0, 0, true, false, false, false, "emulated" },
	    { "_ZnwmRKSt9nothrow_t", ALLOC_SIZE0, 0, true, false, false, false, "emulated" },
	    { "_ZdlPvm", ALLOC_FREE, 0, true, false, false, false, "emulated" } } },
	{ "malloc is an operator new, too",
	  MALLOC FREE ALIAS("_Znwm", "malloc"),
	  { { "malloc", ALLOC_SIZE0, 0, true, false, false, false, "emulated" } } },
	{ "malloc throws",
	  FUNCTION("malloc", "push %rbx\n" WORK "test %rax,%rax\nje 1f\npop %rbx\nret\n"
			     "1: call __cxa_throw@plt") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, true, false, false, false, "emulated" } } },
	{ "malloc jumps to what throws",
	  FUNCTION("malloc", "push %rbx\n" WORK "pop %rbx\njmp 1f\n.size malloc,.-malloc\n"
			     "1: jmp _ZSt17__throw_bad_allocv@plt") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, true, false, false, false, "emulated" } } },
	{ "malloc has a landing pad, where no path leads",
	  FUNCTION("malloc", "push %rbx\n" WORK "pop %rbx\nret\ncall _Unwind_Resume@plt") FREE,
	  { { "malloc", ALLOC_SIZE0, 0, true, false, false, false, "emulated" } } },
	{ "malloc's landing pad goes on elsewhere",
	  FUNCTION("malloc", "push %rbx\n" WORK "pop %rbx\nret\njmp cold") FREE
	  ".p2align 4\ncold: mov %rax,%rdi\ncall _Unwind_Resume@plt\n",
	  { { "malloc", ALLOC_SIZE0, 0, true, false, false, false, "emulated" } } },
	{ "malloc throws, and its size is not known",
	  ".globl malloc\n.type malloc,@function\nmalloc: push %rbx\n" WORK
	  "test %rax,%rax\nje 1f\npop %rbx\nret\n1: call __cxa_throw@plt\n" FREE,
	  { { "malloc", ALLOC_SIZE0, 0, true, false, false, false, "emulated" } } },
	{ "malloc jumps to code beside which another throws",
	  FUNCTION("malloc", "push %rbx\n" WORK "pop %rbx\njmp cold") FREE
	  "cold: jmp *state(%rip)\ncall __cxa_throw@plt\n",
	  { { "malloc", ALLOC_SIZE0, 0, true, true, false, false, "emulated" } } },
	{ "malloc jumps to code behind whose end another throws",
	  FUNCTION("malloc", "push %rbx\n" WORK "pop %rbx\njmp cold") FREE
	  "cold: ret\ncall __cxa_throw@plt\n",
	  { { "malloc", ALLOC_SIZE0, 0, true, true, false, false, "emulated" } } },
	{ "another function throws",
	  MALLOC FREE FUNCTION("strdup", "call __cxa_throw@plt"),
	  { { "malloc", ALLOC_SIZE0, 0, true, true, false, false, "emulated" } } },
	{ "a function that throws, of two arguments",
	  MALLOC FREE FUNCTION("memalign",
			       "push %rbx\n" WORK "test %rax,%rax\nje 1f\npop %rbx\nret\n"
			       "1: call __cxa_throw@plt"),
	  { { "memalign", 0, -1, false, false, false, false, "its code throws" } } },
	{ "exits are told by the stack pointer of the entry",
	  MALLOC FREE FUNCTION("_Znwm",
			       "sub $8,%rsp\ncmp $1024,%rdi\nja 1f\n1:" WORK "add $8,%rsp\nret"),
	  { { "_Znwm", ALLOC_SIZE0, 0, false, false, false, false, "the stack pointer" } } },
	{ "a function whose exits are not known needs no stack pointer",
	  MALLOC FREE FUNCTION("_Znwm", "sub $8,%rsp\ncmp $1024,%rdi\nja 1f\n1:" WORK
					"add $8,%rsp\njmp *state(%rip)"),
	  { { "_Znwm", ALLOC_SIZE0, 11, true, false, false, false, NEXT } } },

	/* ---- ifuncs ---- */
	{ "an ifunc that knows but one function",
	  FREE ".type own,@function\nown: lea 7(%rdi),%rax\npush %rbx\n" WORK "pop %rbx\nret\n"
	       ".globl malloc\n.type malloc,@gnu_indirect_function\n"
	       "malloc: endbr64\nlea own(%rip),%rax\nret\n",
	  { { "malloc", ALLOC_SIZE0, 4, true, true, false, false, NEXT } } },
	{ "an ifunc that chooses",
	  FREE ".globl malloc\n.type malloc,@gnu_indirect_function\n"
	       "malloc: mov state(%rip),%rax\nret\n",
	  { { "malloc", 0, -1, false, false, false, false, "an ifunc" } } },
};

static void check_function(const char *title, const struct alloc_probes *probes,
			   const struct expected *x)
{
	const struct alloc_probe *p = find_probe(probes, x->name);
	const struct alloc_skip *s = find_skip(probes, x->name);
	bool skipped = x->from_entry < 0;

	if (!p != skipped || !s == skipped)
		fail_msg("%s: %s is %s", title, x->name, p ? "probed" : s ? s->why : "not found");
	const char *why = skipped ? s->why : p->why;
	if (strncmp(why, x->why, strlen(x->why)) != 0)
		fail_msg("%s: %s: '%s'", title, x->name, why);
	if (skipped)
		return;
	if (p->place - p->entry != (uint64_t)x->from_entry || p->emulated != x->emulated)
		fail_msg("%s: %s+%d, emulated %d", title, x->name, (int)(p->place - p->entry),
			 p->emulated);
	if (p->call != x->call || p->returns != x->returns || !p->no_return != x->returns)
		fail_msg("%s: %s: call %d, returns %d", title, x->name, p->call, p->returns);
	if (p->passes_on != x->passes_on || p->nests + p->jumps != x->nests)
		fail_msg("%s: %s: passes on %d, nests %d, jumps %d", title, x->name, p->passes_on,
			 p->nests, p->jumps);
}

static void check_cases(const char *flags)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct alloc_probes probes = { 0 };
		struct err e = { 0 };

		assemble("case.so", cases[i].source, flags);
		struct program p = program_open("case.so");
		assert_true(alloc_probes_any(p.elf));
		if (alloc_probes_find(p.elf, ALLOCATORS_ALL, &probes, &e) < 0)
			fail_msg("%s: %s", cases[i].name, e.msg);
		for (size_t j = 0; j < PLACES_MAX && cases[i].functions[j].name; j++)
			check_function(cases[i].name, &probes, &cases[i].functions[j]);
		alloc_probes_deinit(&probes);
		program_close(&p);
	}
}

static void test_cases(void **state)
{
	(void)state;
	check_cases("-shared");
}

/* A linkage table whose entries begin with endbr64. */
static void test_cases_with_branch_tracking(void **state)
{
	(void)state;
	check_cases("-shared -Wl,-z,ibtplt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_cases_with_branch_tracking),
	};
	return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
