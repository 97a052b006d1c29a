/*
 * killat: runs a command and kills a program of it at one of the system calls by which that changes something.
 *
 *   killat --log FILE [--of PROGRAM --at N [--after] [--all]] [--then SCRIPT] -- COMMAND...
 *
 *   --log FILE     a line "PROGRAM CALL" for every state-changing system call that was begun, of all programs
 *   --of PROGRAM   the name of the executable whose calls are counted, threads and forked children together
 *   --at N         its N-th call (from 1) is not made: the process dies by SIGKILL instead; without it nobody is killed
 *   --after        it dies when the call is done
 *   --all          every process that descends from the command dies at the same moment, as by the end of a cgroup
 *   --then SCRIPT  what somebody does who sees the command end: `sh -c SCRIPT`, once the command itself has ended. Processes
 *                  that it left behind stand still while the script runs, a quarter of a second at most, and then go on
 *
 * killat ends when all have ended, with the script's exit code if there is one, else with the command's (128 + signal).
 * SIGTERM is passed on to the command.
 *
 * strace(1) can do a part of this (--inject=CALL:signal=KILL:when=N), but counts each system call of each thread by itself, and
 * kills nobody but who made the call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_TASKS 256
#define LONGEST_HOLD_MS 250

struct task { pid_t tid; int held_signal; };	/* held_signal: -1 runs, else stands still and gets this signal when it goes on */

static struct task tasks[MOST_TASKS];
static int task_count;
static const char *log_path, *program, *script;
static long point, seen;
static int after, everybody, killed, holding;
static pid_t command, runtime;
static volatile sig_atomic_t hold_is_over;

#define CALL(name) { SYS_##name, #name }
static const struct { long number; const char *name; } changing[] = {
	CALL(write), CALL(pwrite64), CALL(writev), CALL(sendto), CALL(sendmsg), CALL(sendmmsg), CALL(openat), CALL(ftruncate),
	CALL(fsync), CALL(fdatasync), CALL(flock), CALL(linkat), CALL(symlinkat), CALL(unlinkat), CALL(mkdirat), CALL(renameat),
	CALL(renameat2), CALL(fchmod), CALL(fchmodat), CALL(setns), CALL(unshare), CALL(clone), CALL(clone3), CALL(execve),
	CALL(kill), CALL(connect), CALL(bind), CALL(exit_group), CALL(exit),
#ifdef SYS_open
	CALL(open), CALL(creat), CALL(link), CALL(symlink), CALL(unlink), CALL(mkdir), CALL(rmdir), CALL(rename), CALL(chmod), CALL(fork),
	CALL(vfork),
#endif
};

static void fail(const char *what)
{
	fprintf(stderr, "killat: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void on_term(int signal) { kill(command, signal); }
static void on_alarm(int signal) { (void)signal; hold_is_over = 1; }

static struct task *task_of(pid_t tid)
{
	for (int i = 0; i < task_count; i++)
		if (tasks[i].tid == tid)
			return &tasks[i];
	if (task_count == MOST_TASKS) { errno = ENOMEM; fail("too many tasks"); }
	tasks[task_count] = (struct task){ tid, -1 };
	return &tasks[task_count++];
}

static void forget(pid_t tid)
{
	for (int i = 0; i < task_count; i++)
		if (tasks[i].tid == tid)
			tasks[i] = tasks[--task_count];
}

/* The name of the executable of a task; of an ended one "". */
static const char *program_of(pid_t tid)
{
	static char target[4096];
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/exe", tid);
	ssize_t length = readlink(path, target, sizeof target - 1);
	target[length > 0 ? length : 0] = 0;
	const char *slash = strrchr(target, '/');
	return slash ? slash + 1 : target;
}

static const char *changing_call(const struct __ptrace_syscall_info *call)
{
	long number = (long)call->entry.nr;
	unsigned long flags = number == SYS_openat ? call->entry.args[2] : 0;
#ifdef SYS_open
	if (number == SYS_open)
		flags = call->entry.args[1];
	if (number == SYS_open && !(flags & (O_CREAT | O_TRUNC)))
		return NULL;
#endif
	if (number == SYS_openat && !(flags & (O_CREAT | O_TRUNC)))
		return NULL;
	for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
		if (changing[i].number == number)
			return changing[i].name;
	return NULL;
}

static void resume(struct task *task, int signal)
{
	task->held_signal = -1;
	ptrace(PTRACE_SYSCALL, task->tid, 0, signal);	/* fails only for a task that is dying */
}

static void kill_at(pid_t tid)
{
	killed = 1;
	if (everybody)
		for (int i = 0; i < task_count; i++)
			kill(tasks[i].tid, SIGKILL);
	else
		kill(tid, SIGKILL);	/* of a thread, too, this ends the whole process */
}

/* A task stands before or behind a system call. */
static void at_call(pid_t tid)
{
	static pid_t chosen;	/* the one that dies when its call is done */
	struct __ptrace_syscall_info call;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof call, &call) <= 0)
		return;
	if (call.op == PTRACE_SYSCALL_INFO_EXIT && chosen == tid && !killed)
		kill_at(tid);
	if (call.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	const char *name = changing_call(&call), *who = program_of(tid);
	if (!name || !strcmp(who, "killat"))
		return;
	FILE *log = fopen(log_path, "a");
	if (!log)
		fail(log_path);
	fprintf(log, "%s %s\n", who, name);
	fclose(log);
	if (!program || strcmp(who, program) || killed || ++seen != point)
		return;
	if (after && strncmp(name, "exit", 4))
		chosen = tid;
	else
		kill_at(tid);
}

static void release(void)
{
	const struct itimerval off = { 0 };
	setitimer(ITIMER_REAL, &off, NULL);
	holding = 0;
	for (int i = 0; i < task_count; i++)
		if (tasks[i].held_signal >= 0)
			resume(&tasks[i], tasks[i].held_signal);
}

static void react(void)
{
	if ((runtime = fork()) == 0) {
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	holding = 1;
	/* Rings again and again, as the first signal may come just before waitpid() begins. */
	const struct itimerval limit = { .it_value.tv_usec = LONGEST_HOLD_MS * 1000, .it_interval.tv_usec = 50 * 1000 };
	setitimer(ITIMER_REAL, &limit, NULL);
}

static void on_stop(pid_t tid, int status)
{
	struct task *task = task_of(tid);
	int signal = WSTOPSIG(status), event = status >> 16;
	if (signal == (SIGTRAP | 0x80)) {
		at_call(tid);
		signal = 0;
	} else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
		ptrace(PTRACE_LISTEN, tid, 0, 0);	/* stopped by a signal: stays so until SIGCONT */
		return;
	} else if (event) {
		unsigned long born = 0;
		if (event != PTRACE_EVENT_EXEC && event != PTRACE_EVENT_STOP && !ptrace(PTRACE_GETEVENTMSG, tid, 0, &born) && born)
			task_of((pid_t)born);
		task = task_of(tid);
		signal = 0;
	}
	if (holding)
		task->held_signal = signal;
	else
		resume(task, signal);
}

static int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

/* Follows all until none is left. */
static int follow(void)
{
	int code = 0, script_code = -1;
	while (1) {
		int status;
		pid_t tid = waitpid(-1, &status, __WALL);
		if (hold_is_over) {
			hold_is_over = 0;
			release();
		}
		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			return script_code >= 0 ? script_code : code;
		if (WIFSTOPPED(status)) {
			on_stop(tid, status);
		} else if (tid == runtime) {
			script_code = code_of(status);
			release();
		} else {
			forget(tid);
			if (tid == command) {
				code = code_of(status);
				if (script)
					react();
			}
		}
	}
}

static void start(char **line)
{
	int go[2];
	if (pipe2(go, O_CLOEXEC) || (command = fork()) < 0)
		fail("fork");
	if (command == 0) {
		char byte;
		close(go[1]);
		(void)!read(go[0], &byte, 1);
		execvp(line[0], line);
		fail(line[0]);
	}
	close(go[0]);
	if (ptrace(PTRACE_SEIZE, command, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL))
		fail("ptrace");
	task_of(command);
	ptrace(PTRACE_INTERRUPT, command, 0, 0);	/* from its next stop on it is followed call by call */
	close(go[1]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "log", 1, 0, 'l' }, { "of", 1, 0, 'o' }, { "at", 1, 0, 'n' }, { "then", 1, 0, 't' }, { "after", 0, 0, 'a' }, { "all", 0, 0, 'e' }, { 0 },
	};
	for (int option; (option = getopt_long(argc, argv, "+", options, NULL)) != -1;)
		switch (option) {
		case 'l': log_path = optarg; break;
		case 'o': program = optarg; break;
		case 'n': point = atol(optarg); break;
		case 't': script = optarg; break;
		case 'a': after = 1; break;
		case 'e': everybody = 1; break;
		default: return 125;
		}
	if (!log_path || optind == argc) {
		fprintf(stderr, "killat: --log FILE and a command are needed\n");
		return 125;
	}
	struct sigaction term = { .sa_handler = on_term }, alarm = { .sa_handler = on_alarm };
	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGALRM, &alarm, NULL);
	start(argv + optind);
	return follow();
}
