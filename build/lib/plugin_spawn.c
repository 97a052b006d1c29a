// Starts a program as posix_spawn(3) would for Libc.Spawn, in 10 system calls instead of 150: glibc's asks for the handler of each of the 64
// signals and sets it, which execve does as well, and takes a stack for the child.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static int moved(int fd, int to) { return fd == to ? fcntl(fd, F_SETFD, 0) : dup2(fd, to); }

// input and output become the program's 0 and 1; it has this umask, no blocked signal, and SIGPIPE ends it. 0, or the errno.
int twill_spawn(pid_t *pid, const char *path, char *const argv[], char *const envp[], int input, int output, mode_t mask) {
  sigset_t all, before, none;
  volatile int failure = 0;
  sigfillset(&all);
  sigemptyset(&none);
  // The child has this process's memory and its own signals: no handler of the one may run in the other.
  sigprocmask(SIG_BLOCK, &all, &before);
  // A caller that ignores SIGCHLD hands that down to this process. The kernel would then reap the program itself, and waitpid(2) fail.
  signal(SIGCHLD, SIG_DFL);
  pid_t child = vfork();
  if (child == 0) {
    signal(SIGPIPE, SIG_DFL);
    umask(mask);
    if (moved(input, 0) >= 0 && moved(output, 1) >= 0 && !sigprocmask(SIG_SETMASK, &none, 0))
      execve(path, argv, envp);
    failure = errno;
    _exit(127);
  }
  if (child < 0)
    failure = errno;
  sigprocmask(SIG_SETMASK, &before, 0);
  *pid = child;
  return failure;
}
