/*
 * The C library's getpid, without a system call each time. libzmq asks for its process's id each
 * time it uses a signaler, to notice a fork (its signaler.cpp), and the C library has not kept it
 * since glibc 2.25. With one notification at a time that was a third of the system calls of the
 * producer's thread and its I/O thread.
 *
 * Only for the services, and for herald-bench, whose bare pipeline is to lack nothing that they
 * have: these link this file by name (herald_own_pid) and so define the getpid that their shared
 * libraries find. Right in a fork's child too, once the handlers of pthread_atfork have run; not in
 * a child that runs none (vfork, posix_spawn before its exec, _Fork, clone): these make none that
 * asks. Any thread; safe in a signal handler.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic pid_t own; /* 0: not kept */

static void
learn(void)
{
    atomic_store_explicit(&own, (pid_t)syscall(SYS_getpid), memory_order_relaxed);
}

/* Nothing is kept where a child would not be told. Nor does getpid itself keep it: a vfork's child
 * that asks first would give its own to the parent. */
__attribute__((constructor)) static void
keep(void)
{
    if (pthread_atfork(NULL, NULL, learn) == 0) {
        learn();
    }
}

pid_t
getpid(void)
{
    pid_t pid = atomic_load_explicit(&own, memory_order_relaxed);
    return pid != 0 ? pid : (pid_t)syscall(SYS_getpid);
}
