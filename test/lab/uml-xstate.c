/*
 * Lets Debian's user-mode Linux (6.1) run on CPUs with AMX.
 *
 * That kernel keeps a process's floating point state in a buffer of fixed size (2696 bytes: up to AVX-512 and protection
 * keys). The machine's kernel takes PTRACE_SETREGSET of NT_X86_XSTATE only in the CPU's full size, which AMX makes 11008
 * bytes, and answers EFAULT otherwise: the first process of the guest dies, and the guest with it. Newer user-mode kernels
 * ask for the size when they start.
 *
 * This wrapper, preloaded into linux.uml, appends zeros. The kernel itself cuts what is too long down to the right size, and
 * nothing is lost: the header at the state's front says that the parts behind it are unused, for a guest process can't ask
 * for AMX (the guest's kernel knows no such call).
 */
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Larger than any x86 processor's state, and all zeros behind what was last copied to its front. */
static unsigned char full_state[65536];

static long set_full_state(pid_t pid, const struct iovec *state) {
  struct iovec full = {full_state, sizeof full_state};
  memcpy(full_state, state->iov_base, state->iov_len);
  return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, NT_X86_XSTATE, &full);
}

/* The system call writes a peeked word to where the fourth argument points; the C function returns it. */
static long peek(enum __ptrace_request request, pid_t pid, void *address) {
  long word = 0;
  if (syscall(SYS_ptrace, request, pid, address, &word) < 0) return -1;
  errno = 0;
  return word;
}

long ptrace(enum __ptrace_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  pid_t pid = va_arg(arguments, pid_t);
  void *address = va_arg(arguments, void *);
  void *data = va_arg(arguments, void *);
  va_end(arguments);

  switch (request) {
    case PTRACE_SETREGSET:
      if ((unsigned long)address == NT_X86_XSTATE) return set_full_state(pid, data);
      break;
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA:
    case PTRACE_PEEKUSER:
      return peek(request, pid, address);
    default:
      break;
  }
  return syscall(SYS_ptrace, request, pid, address, data);
}
